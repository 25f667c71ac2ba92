/// nbm: restricted and deep Boltzmann machines. One name to import; each area is a partition.
export module nbm;

export import :xtensor;
export import :tensor;
export import :random;
export import :model;
