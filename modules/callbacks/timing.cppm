export module nbm:callbacks.timing;

import :callbacks.contexts;
import :callbacks.options;
import :standard;

export namespace nbm {

struct TimingOptions {
    std::size_t queue_length = 10;  // calls that the running mean is over
    double warn_share = 0.5;        // warn of a callback that takes more than this part of an epoch; 1 never warns
};

/// Put into a callback list, it measures how long each hook of each other callback of that list takes, and warns once of a callback
/// that takes too much of an epoch, from the second epoch on. A list without it has no code for measuring.
class Timing {
public:
    static constexpr auto stage = Stage::schedule;
    static constexpr std::string_view kind = "timing";
    static constexpr bool measures = true;
    static constexpr std::string_view doc = "measures the other callbacks of its list and warns of slow ones";
    using Options = TimingOptions;
    static auto options(OptionVisitor& visitor, Options& options) -> void;

    /// One hook of one callback. Times in seconds.
    struct Entry {
        const void* object = nullptr;
        std::string callback;
        std::string_view hook;
        std::size_t calls = 0;
        double total = 0.0;
        double longest = 0.0;
        double share = 0.0;               // of the last complete epoch
        std::vector<double> recent = {};  // of the last queue_length calls, as a ring
        double in_epoch = 0.0;

        /// Mean over the last queue_length calls.
        auto recent_mean() const -> double;
    };

    /// Throws InputError for a queue of length 0.
    explicit Timing(TimingOptions options = {});

    /// In the order of the first calls.
    inline auto entries() const -> std::span<const Entry> { return entries_; }
    /// The part of the last complete epoch that a callback's hooks took, by its id. Throws InputError with the nearest id.
    auto share(std::string_view callback) const -> double;
    /// A table of all entries.
    auto report() const -> std::string;

    /// Callback lists: a call is over.
    auto record(const void* object, std::string_view callback, std::string_view hook, double seconds) -> void;

    auto setup(const SetupInfo&) -> void;
    auto on_epoch_begin(const EpochInfo& info) -> void;
    auto on_train_end(const TrainInfo& info) -> void;

private:
    using Clock = std::chrono::steady_clock;
    auto close_epoch(const Info& info) -> void;

    TimingOptions options_;
    std::vector<Entry> entries_;
    std::vector<std::string> warned_;
    std::size_t batches_ = 0;
    std::size_t closed_ = 0;
    bool open_ = false;
    Clock::time_point begin_;
};

}  // namespace nbm

namespace nbm {

/// A member that measures the others.
template <class C>
concept Measures = requires { requires C::measures; };

/// Instead of Timing, where nothing is measured.
struct NoTiming {};

/// Runs f() -> Flow and tells the timing how long it took.
template <class T, class F>
constexpr auto measure(T& timing, const void* object, std::string_view callback, std::string_view hook, F f) {
    if constexpr (std::same_as<T, NoTiming>) {
        return f();
    } else {
        const auto begin = std::chrono::steady_clock::now();
        const auto result = f();
        timing.record(object, callback, hook, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        return result;
    }
}

}  // namespace nbm
