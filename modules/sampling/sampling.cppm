/// Samplers over a machine: Gibbs chains, chains with probabilities, parallel tempering, mean field.
export module nbm:sampling;

export import :sampling.chains;
export import :sampling.gibbs;
export import :sampling.mean_field;
export import :sampling.positive_phase;
export import :sampling.tempering;
