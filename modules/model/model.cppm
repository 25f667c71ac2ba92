/// Boltzmann machines: topology, layers, synapses, fields, energies.
export module nbm:model;

export import :model.topology;
export import :model.dbm;
export import :model.parameters;
