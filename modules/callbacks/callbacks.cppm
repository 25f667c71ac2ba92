/// Callbacks: classes with hooks that fit() calls, composed at compile time in a CallbackList.
export module nbm:callbacks;

export import :callbacks.logs;
export import :callbacks.history;
export import :callbacks.contexts;
export import :callbacks.concepts;
export import :callbacks.list;
export import :callbacks.schedule;
export import :callbacks.base_logger;
export import :callbacks.csv_logger;
export import :callbacks.ais_callback;
export import :callbacks.periodic_save;
export import :callbacks.progress_bar;
