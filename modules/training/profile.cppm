export module nbm:training.profile;

import :standard;

export namespace nbm {

/// Where the time of a training goes, in seconds of wall time: see FitOptions::profile. The phases do not overlap.
struct Profile {
    double data = 0.0;        // s; the order of the rows, gathering those of a batch, waiting for a file
    double positive = 0.0;    // s; hidden means given the data
    double negative = 0.0;    // s; the chains, or for Exact the model's expectations
    double gradient = 0.0;    // s; statistics, their difference, rules; all of a trainer that is no ProfiledTrainer
    double update = 0.0;      // s; penalty, optimiser, limit of the norms
    double callbacks = 0.0;   // s; all hooks, and writing checkpoints
    double validation = 0.0;  // s; evaluating the validation split
    double total = 0.0;       // s; of the whole training, from the end of its set-up to the last hook before teardown
    std::size_t updates = 0;
    std::size_t rows = 0;               // of all batches
    std::size_t mean_field_sweeps = 0;  // of the positive phases, summed over the rows; 0 for an RBM, which needs none

    /// The phases together, in seconds: what is explained of `total`.
    inline auto sum() const -> double { return data + positive + negative + gradient + update + callbacks + validation; }
};

/// A trainer that tells the phases of its gradient() apart: it adds their seconds to the profile that it was given last, and
/// measures nothing for null. fit() gives it one before the first batch, and null in the end.
template <class Tr>
concept ProfiledTrainer = requires(Tr& trainer, Profile* profile) { trainer.profile_into(profile); };

}  // namespace nbm

namespace nbm {

/// Adds the time from each call of next() to the following one to a phase. Without a profile it never looks at a clock.
class Stopwatch {
public:
    using Phase = double Profile::*;

    inline explicit Stopwatch(Profile* profile, Phase phase = nullptr) : profile_(profile) { next(phase); }
    Stopwatch(const Stopwatch&) = delete;
    auto operator=(const Stopwatch&) -> Stopwatch& = delete;
    inline ~Stopwatch() { stop(); }

    /// Null: what follows is counted elsewhere.
    inline auto next(Phase phase) -> void {
        if (profile_ == nullptr) { return; }
        const auto now = Clock::now();
        if (phase_ != nullptr) { profile_->*phase_ += std::chrono::duration<double>(now - since_).count(); }
        phase_ = phase;
        since_ = now;
    }
    inline auto stop() -> void { next(nullptr); }

    inline auto count_update(std::size_t rows) -> void {
        if (profile_ == nullptr) { return; }
        ++profile_->updates;
        profile_->rows += rows;
    }

private:
    using Clock = std::chrono::steady_clock;

    Profile* profile_;
    Phase phase_ = nullptr;
    Clock::time_point since_;
};

/// A trainer's pointer to a profile. A copy of the trainer is in no training, and may outlive the profile.
class ProfileLink {
public:
    ProfileLink() = default;
    inline ProfileLink(const ProfileLink&) {}
    inline auto operator=(const ProfileLink&) -> ProfileLink& { return *this; }
    ~ProfileLink() = default;

    inline auto set(Profile* profile) -> void { profile_ = profile; }
    inline auto get() const -> Profile* { return profile_; }
    inline auto count_mean_field(std::size_t sweeps) const -> void {
        if (profile_ != nullptr) { profile_->mean_field_sweeps += sweeps; }
    }

private:
    Profile* profile_ = nullptr;
};

/// Lets a trainer write into a profile, if there is one, for as long as this lives.
template <class Tr>
class ProfiledWhile {
public:
    ProfiledWhile(Tr& trainer, Profile* profile) : trainer_(profile == nullptr ? nullptr : &trainer) { set(profile); }
    ProfiledWhile(const ProfiledWhile&) = delete;
    auto operator=(const ProfiledWhile&) -> ProfiledWhile& = delete;
    ~ProfiledWhile() { set(nullptr); }

private:
    auto set(Profile* profile) -> void {
        if constexpr (ProfiledTrainer<Tr>) {
            if (trainer_ != nullptr) { trainer_->profile_into(profile); }
        }
    }

    Tr* trainer_;
};

}  // namespace nbm
