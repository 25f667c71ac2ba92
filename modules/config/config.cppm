/// Configuration: callbacks and settings from TOML files.
export module nbm:config;

export import :config.registry;
export import :config.toml;
