/// Callbacks: classes with hooks that fit() calls, composed at compile time in a CallbackList or at run time in a
/// DynamicCallbackList.
export module nbm:callbacks;

export import :callbacks.logs;
export import :callbacks.session;
export import :callbacks.contexts;
export import :callbacks.concepts;
export import :callbacks.plan;
export import :callbacks.timing;
export import :callbacks.list;
export import :callbacks.any_run;
export import :callbacks.dynamic_list;
export import :callbacks.wrappers;
export import :callbacks.options;
export import :callbacks.history;
export import :callbacks.base_logger;
export import :callbacks.csv_logger;
export import :callbacks.ais_callback;
export import :callbacks.pseudo_likelihood;
export import :callbacks.reconstruction_error;
export import :callbacks.free_energy_gap;
export import :callbacks.chain_monitor;
export import :callbacks.weight_statistics;
export import :callbacks.exact_log_likelihood;
export import :callbacks.periodic_save;
export import :callbacks.progress_bar;
export import :callbacks.checkpoint;
