export module nbm:callbacks.summary_callback;

import :callbacks.contexts;
import :callbacks.options;
import :io;
import :model;
import :standard;
import :tensor;

export namespace nbm {

struct SummaryCallbackOptions {
    std::filesystem::path save_folder = ".";
    std::filesystem::path csv_filepath = "history.csv";  // as a CSVLogger of the same training writes it
    char separator = ',';
};

/// Writes summary.txt when the training ends, however it does: machine, data, epochs, outcome, times; of each metric that a
/// CSVLogger beside it has written, all of a resumed training, too, the last value and, where one direction is better, the best one
/// with its epoch, the first of equal ones; the last estimate with error bars; what callbacks warned of.
class SummaryCallback {
public:
    static constexpr auto stage = Stage::persist;
    static constexpr std::string_view kind = "summary";
    static constexpr bool expendable = true;  // in a configuration, its failures are warnings unless asked otherwise
    static constexpr std::string_view doc = "summary.txt: machine, outcome, times, last and best values";
    using Options = SummaryCallbackOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    explicit SummaryCallback(SummaryCallbackOptions options = {});
    inline SummaryCallback(std::filesystem::path save_folder, std::filesystem::path csv_filepath)
        : SummaryCallback(SummaryCallbackOptions{.save_folder = std::move(save_folder), .csv_filepath = std::move(csv_filepath)}) {}

    /// Throws InputError or FileError when the CSV file is not there by then or is none.
    template <Real T>
    auto on_train_begin(const ModelContext<TrainInfo, T>& context) -> void {
        begin(context.model.topology(), context.validation == nullptr ? 0 : context.validation->shape(0));
    }
    auto setup(const SetupInfo& info) -> void;
    auto on_epoch_end(const EpochInfo& info) -> void;
    auto on_train_end(const TrainInfo& info) -> void;
    auto on_exception(const TrainInfo& info) -> void;
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    using Clock = std::chrono::steady_clock;

    auto begin(const Topology& topology, std::size_t validation_rows) -> void;
    auto write(const TrainInfo& info) const -> void;

    SummaryCallbackOptions options_;
    std::optional<Topology> topology_;  // none before a training has begun
    std::size_t validation_rows_ = 0;
    bool partial_ = false;  // the last epoch
    Clock::time_point began_;
};

}  // namespace nbm
