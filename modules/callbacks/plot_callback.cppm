export module nbm:callbacks.plot_callback;

import :callbacks.contexts;
import :callbacks.options;
import :standard;
import :tensor;

export namespace nbm {

struct PlotCallbackOptions {
    std::filesystem::path save_folder = "plots";
    std::filesystem::path csv_filepath = "history.csv";  // as a CSVLogger of the same training writes it
    char separator = ',';
    bool each_epoch = false;  // also after each epoch, not only at the end of training
};

/// Plots what a CSVLogger beside it has written, all of a resumed training, too, when the training ends: each as a PDF and a PNG
/// file, and each only where its columns are there and hold numbers. cost, pslike, recon and exact_prob: training and validation
/// rows; learning_rate; momentum; exact_logz; free_energy: F(validation) - F(train) from the columns free_energy and
/// val_free_energy; free_energy_gap: the column of this name; logz and, with error bars of 3 standard errors, logz_errorbars; prob
/// and prob_errorbars: training and validation rows. Names that a callback was given are kept in the files' names: logz_NAME.
class PlotCallback {
public:
    static constexpr auto stage = Stage::persist;
    static constexpr std::string_view kind = "plots";
    static constexpr bool expendable = true;  // in a configuration, its failures are warnings unless asked otherwise
    static constexpr std::string_view doc = "plots of the metrics over the epochs, from the CSV file";
    using Options = PlotCallbackOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit PlotCallback(PlotCallbackOptions options = {});
    inline PlotCallback(std::filesystem::path save_folder, std::filesystem::path csv_filepath)
        : PlotCallback(PlotCallbackOptions{.save_folder = std::move(save_folder), .csv_filepath = std::move(csv_filepath)}) {}

    /// Throws InputError when the program gnuplot is not there.
    auto setup(const SetupInfo& info) -> void;
    /// Throws InputError or FileError when the CSV file is not there by then or is none.
    auto on_train_begin(const TrainInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto on_train_end(const TrainInfo& info) -> void;

private:
    auto draw(const Info& info) const -> void;

    PlotCallbackOptions options_;
};

}  // namespace nbm
