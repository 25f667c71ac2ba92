/// Estimators: the partition function, exactly and by annealed importance sampling, likelihoods, pseudo-likelihoods and
/// autocorrelation times.
export module nbm:estimators;

export import :estimators.control;
export import :estimators.log_z;
export import :estimators.exact_log_z;
export import :estimators.exact_moments;
export import :estimators.exact_samples;
export import :estimators.ais;
export import :estimators.autocorrelation;
export import :estimators.pseudo_likelihood;
export import :estimators.reconstruction_error;
