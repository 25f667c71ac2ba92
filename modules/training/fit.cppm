module;

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

export module nbm:training.fit;

import :callbacks;
import :model;
import :random;
import :tensor;
import :training.parameters;

export namespace nbm {

/// What fit() needs of a trainer: see CD.
template <class Tr, class T>
concept Trainer =
    Real<T> && requires(Tr& trainer, const DBM<T>& dbm, const Matrix<T>& data, MatrixView<const T> batch, Gradient<T>& g) {
        trainer.begin(dbm, data, std::size_t{}, std::uint64_t{}, bool{});
        { trainer.gradient(dbm, batch, g) } -> std::same_as<double>;
        { trainer.evaluate(dbm, data) } -> std::same_as<double>;
    };

/// What fit() needs of an optimiser: see SGD.
template <class O, class T>
concept Optimiser = Real<T> && requires(O& optimiser, DBM<T>& dbm, const Gradient<T>& g) { optimiser.update(dbm, g); };

template <Real T>
struct FitOptions {
    std::size_t epochs = 10;                // the epoch after the last, counted from 0
    std::size_t batch_size = 100;           // rows an update; the last batch of an epoch may be smaller
    const Matrix<T>* validation = nullptr;  // [rows, visible], evaluated after each epoch
    bool shuffle = true;                    // anew in each epoch
    std::size_t initial_epoch = 0;          // where a continued training begins; trainer and optimiser go on from where they are
    Penalty penalty = {};
    std::uint64_t seed = 1;     // of shuffling and of the trainer
    std::stop_token stop = {};  // asked after each batch; a request ends the training as cancelled
};

}  // namespace nbm

namespace nbm {

/// Throws ShapeError or InputError before anything is trained.
template <Real T>
auto check_fit(const DBM<T>& dbm, const Matrix<T>& train, const FitOptions<T>& options) -> void;

/// batch[i, :] = data[order[first + i], :]
template <Real T>
auto gather_rows(const Matrix<T>& data, const std::vector<std::size_t>& order, std::size_t first, MatrixView<T> batch) -> void;

/// The order of the rows in an epoch.
auto epoch_order(std::size_t rows, bool shuffle, std::uint64_t seed, std::size_t epoch) -> std::vector<std::size_t>;

/// One training: the state that its parts share.
template <Real T, class TrainerType, class OptimiserType, class List>
class Fit {
public:
    Fit(DBM<T>& dbm, const Matrix<T>& train, TrainerType& trainer, OptimiserType& optimiser, const FitOptions<T>& options,
        BaseLogger& base_logger, List& callbacks)
        : run_{dbm, optimiser, train, options.validation},
          trainer_(trainer),
          options_(options),
          base_logger_(base_logger),
          callbacks_(callbacks),
          gradient_(zero_parameters(dbm)),
          batch_(Matrix<T>::from_shape({std::min(options.batch_size, train.shape(0)), train.shape(1)})),
          batches_((train.shape(0) + batch_.shape(0) - 1) / batch_.shape(0)) {}

    auto run() -> void {
        auto context = Context(train_info(), run_);
        auto set_up = Context(setup_info(), run_);
        try {
            callbacks_.template call<hook::Setup>(set_up);
            logs_.freeze();
            trainer_.begin(run_.model, run_.train, batch_.shape(0), options_.seed, options_.initial_epoch != 0);
            auto flow = callbacks_.template call<hook::TrainBegin>(context);
            note_stop(flow, "a callback's on_train_begin");
            for (auto epoch = options_.initial_epoch; epoch < options_.epochs && flow != Flow::stop; ++epoch) {
                flow = run_epoch(epoch);
            }
            context.outcome = outcome_;
            context.stop_reason = stop_reason_;
            callbacks_.template call<hook::TrainEnd>(context);
        } catch (...) {
            context.outcome = Outcome::failed;
            context.stop_reason = "an exception was thrown";
            context.error = std::current_exception();
            callbacks_.template call_all_reversed<hook::Exception>(context);
            callbacks_.template call_all_reversed<hook::Teardown>(context);
            throw;
        }
        callbacks_.template call_all_reversed<hook::Teardown>(context);
    }

private:
    using RunType = Run<T, OptimiserType>;
    template <class InfoType>
    using ContextOf = Context<InfoType, RunType>;

    auto run_epoch(std::size_t epoch) -> Flow {
        const auto begin = std::chrono::steady_clock::now();
        logs_.clear();
        auto context = ContextOf<EpochInfo>(EpochInfo(logs_), run_);
        context.epoch = epoch;
        context.epochs = options_.epochs;
        context.last = epoch + 1 == options_.epochs;
        auto flow = callbacks_.template call<hook::EpochBegin>(context);
        note_stop(flow, "a callback's on_epoch_begin");
        if (flow == Flow::proceed) { flow = std::max(flow, run_batches(epoch)); }
        context.partial = flow != Flow::proceed;
        context.last = context.last || flow == Flow::stop;
        if (!context.partial && options_.validation != nullptr) {
            callbacks_.template call<hook::ValidationBegin>(context);
            base_logger_.set_validation_cost(trainer_.evaluate(run_.model, *options_.validation));
            callbacks_.template call<hook::ValidationEnd>(context);
        }
        context.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        // Recorders and savers learn of a stop that a controller asks for in this very hook: no epoch follows then.
        const auto control = callbacks_.template call<hook::EpochEnd, Stage::schedule, Stage::control>(context);
        context.last = context.last || control == Flow::stop;
        const auto after = std::max(control, callbacks_.template call<hook::EpochEnd, Stage::record, Stage::persist>(context));
        note_stop(after, "a callback's on_epoch_end");
        return flow == Flow::stop || after == Flow::stop ? Flow::stop : Flow::proceed;
    }

    auto run_batches(std::size_t epoch) -> Flow {
        const auto rows = run_.train.shape(0);
        const auto order = epoch_order(rows, options_.shuffle, options_.seed, epoch);
        for (std::size_t b = 0; b != batches_; ++b) {
            const auto first = b * batch_.shape(0);
            const auto size = std::min(batch_.shape(0), rows - first);
            const auto batch = slice(batch_, {0, size});
            auto context = GradientContext<RunType, Gradient<T>>(BatchInfo(logs_), run_, gradient_);
            context.epoch = epoch;
            context.batch = b;
            context.batches = batches_;
            context.size = size;
            context.step = epoch * batches_ + b;
            auto& plain = static_cast<ContextOf<BatchInfo>&>(context);
            auto flow = callbacks_.template call<hook::BatchBegin>(plain);
            gather_rows(run_.train, order, first, batch);
            context.cost = trainer_.gradient(run_.model, batch, gradient_);
            add_penalty(run_.model, options_.penalty, gradient_);
            flow = std::max(flow, callbacks_.template call<hook::GradientReady>(context));
            run_.optimiser.update(run_.model, gradient_);
            flow = std::max(flow, callbacks_.template call<hook::BatchEnd>(plain));
            note_stop(flow, "a callback's batch hook");
            if (options_.stop.stop_requested() && outcome_ == Outcome::completed) {
                outcome_ = Outcome::cancelled;
                stop_reason_ = "a stop was requested";
                flow = Flow::stop;
            }
            if (flow != Flow::proceed) { return flow; }
        }
        return Flow::proceed;
    }

    auto setup_info() -> SetupInfo {
        auto info = SetupInfo(logs_);
        info.first_epoch = options_.initial_epoch;
        info.epochs = options_.epochs;
        info.batches = batches_;
        info.has_validation = options_.validation != nullptr;
        return info;
    }
    auto train_info() -> TrainInfo {
        auto info = TrainInfo(logs_);
        static_cast<SetupInfo&>(info) = setup_info();
        return info;
    }
    auto note_stop(Flow flow, const char* who) -> void {
        if (flow == Flow::stop && outcome_ == Outcome::completed) {
            outcome_ = Outcome::stopped;
            stop_reason_ = who;
        }
    }

    RunType run_;
    TrainerType& trainer_;
    const FitOptions<T>& options_;
    BaseLogger& base_logger_;
    List& callbacks_;
    Logs logs_;
    Gradient<T> gradient_;
    Matrix<T> batch_;
    std::size_t batches_;
    Outcome outcome_ = Outcome::completed;
    std::string stop_reason_;
};

}  // namespace nbm

export namespace nbm {

/// Trains a machine on train: [rows, visible] and returns the history of all metrics. Each epoch visits every row once, in batches:
/// trainer.gradient, optimiser.update; then the validation split is evaluated. A BaseLogger and a History are applied besides the
/// given callbacks. An exception of a callback is thrown as CallbackError after every callback's teardown. The same seed gives the
/// same weights for any number of threads. Throws InputError or ShapeError before the first batch when the arguments do not fit.
template <Real T, class TrainerType, class OptimiserType, class List = CallbackList<>>
    requires Trainer<std::remove_reference_t<TrainerType>, T> && Optimiser<std::remove_reference_t<OptimiserType>, T> &&
             requires(List& list, BaseLogger& base_logger, History& history) { list.between(base_logger, history); }
auto fit(DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& train, TrainerType&& trainer, OptimiserType&& optimiser,
         const FitOptions<T>& options = {}, List&& callbacks = List{}) -> History {
    check_fit(dbm, train, options);
    auto base_logger = BaseLogger{};
    auto history = History{};
    auto all = callbacks.between(base_logger, history);
    Fit(dbm, train, trainer, optimiser, options, base_logger, all).run();
    return history;
}

}  // namespace nbm
