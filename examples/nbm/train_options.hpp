#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

/// What `nbm train` was asked for; the values here are the defaults.
struct TrainOptions {
    std::string data = "digits";
    std::string binarise = "sample";
    double threshold = 0.5;
    std::string redraw = "none";  // grey values to draw training rows from
    bool stream = false;
    std::size_t stream_memory = 512;  // MiB
    std::size_t hidden = 500;
    std::vector<std::size_t> layers;  // empty: those of the data and the hidden units
    std::vector<std::string> edges;   // "0-1"; empty: a chain
    std::string trainer = "pcd";
    std::size_t steps = 1;
    std::size_t chains = 0;
    std::size_t temperatures = 10;
    std::size_t mean_field_steps = 25;
    bool centre = false;
    double sparsity_target = 0.1;
    double sparsity_strength = 0.0;
    std::string optimiser = "sgd";
    std::size_t epochs = 15;
    std::size_t batch_size = 100;
    double learning_rate = 0.0;
    double decay = 0.005;
    double momentum = 0.0;
    bool nesterov = false;
    double l1 = 0.0;
    double l2 = 0.0;
    double max_norm = 0.0;
    std::string weights = "normal";
    std::string initial_weights = "none";  // a machine to begin with
    bool pretrain = false;
    std::size_t pretrain_epochs = 10;
    std::size_t pretrain_steps = 1;
    double pretrain_learning_rate = 0.05;
    std::uint64_t seed = 1;
    std::size_t threads = 0;
    std::size_t ais_runs = 100;
    std::size_t ais_betas = 20'000;
    std::string ais_schedule = "three-piece";
    std::string ais_base = "data";
    std::string ais_path = "geometric";
    std::string ais_summed = "larger";
    std::size_t ais_sweeps = 1;
    std::size_t ais_every = 0;
    std::size_t ais_reverse = 0;
    std::size_t save_every = 0;
    std::vector<std::size_t> save_epochs;
    std::string output = "nbm-run";
    bool overwrite = false;
    bool resume = false;
    bool no_pictures = false;
    bool profile = false;
    bool quiet = false;
    bool json = false;
    std::vector<std::string> set;  // "KEY=VALUE"
    std::string config;            // a TOML file
    std::string command;           // as it was typed
};

/// --data, --binarise, --threshold, --stream and --stream-memory.
auto add_data_options(CLI::App& command, TrainOptions& options) -> void;

/// --binarise and --threshold.
auto add_binarise_options(CLI::App& command, TrainOptions& options) -> void;

/// --seed and --threads.
auto add_run_options(CLI::App& command, TrainOptions& options, const char* group) -> void;

/// --ais-runs and the others that tell how log Z is estimated.
auto add_ais_options(CLI::App& command, TrainOptions& options) -> void;

/// --ais-reverse.
auto add_reverse_option(CLI::App& command, TrainOptions& options) -> void;

auto add_quiet(CLI::App& command, bool& quiet) -> void;

/// --quiet and --json.
auto add_report_options(CLI::App& command, bool& quiet, bool& json) -> void;

/// All options of a training.
auto add_train_options(CLI::App& command, TrainOptions& options) -> void;

/// Adds the subcommand `train` with all its options.
auto add_train_command(CLI::App& app, TrainOptions& options) -> CLI::App*;

/// What `nbm resume` was asked for.
struct ResumeOptions {
    std::string run;
    std::size_t epochs = 0;   // 0: as many as the run was asked for
    std::size_t threads = 0;  // 0: as the run
    bool continue_after_stop = false;
    bool profile = false;
    bool quiet = false;
    bool json = false;
    std::string checkpoint = {};  // empty: the newest one
    std::string command;
};

auto add_resume_command(CLI::App& app, ResumeOptions& options) -> CLI::App*;
