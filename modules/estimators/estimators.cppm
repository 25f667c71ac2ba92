/// Estimators: the partition function, exactly and by annealed importance sampling, likelihoods, pseudo-likelihoods and
/// autocorrelation times.
export module nbm:estimators;

export import :estimators.control;
export import :estimators.log_z;
export import :estimators.likelihood;
export import :estimators.exact_log_z;
export import :estimators.betas;
export import :estimators.annealing_path;
export import :estimators.bases;
export import :estimators.moment_path;
export import :estimators.place_betas;
export import :estimators.exact_moments;
export import :estimators.exact_samples;
export import :estimators.ais;
export import :estimators.row_ais;
export import :estimators.autocorrelation;
export import :estimators.pseudo_likelihood;
export import :estimators.reconstruction_error;
