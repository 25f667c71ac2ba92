/// Estimators: the partition function, exactly and by annealed importance sampling, and likelihoods.
export module nbm:estimators;

export import :estimators.log_z;
export import :estimators.exact_log_z;
export import :estimators.ais;
