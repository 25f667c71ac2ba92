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
export import :callbacks.periodic_save;
export import :callbacks.progress_bar;
export import :callbacks.checkpoint;
export import :callbacks.jsonl_logger;
export import :callbacks.tensorboard;
export import :callbacks.sample_callback;
export import :callbacks.filter_images;
export import :callbacks.plot_callback;
export import :callbacks.summary_callback;
export import :callbacks.schedules;
export import :callbacks.optimiser_callbacks;
export import :callbacks.lambda;
export import :callbacks.improvement;
export import :callbacks.early_stopping;
export import :callbacks.reduce_on_plateau;
export import :callbacks.limits;
export import :callbacks.parameter_callbacks;
