export module nbm:training.fit;

import :callbacks;
import :data;
import :io;
import :model;
import :standard;
import :tensor;
import :training.batches;
import :training.fit_options;
import :training.loop_state;
import :training.penalty;
import :training.profile;

namespace nbm {

/// Throws ShapeError or InputError before anything is trained. train: those of the `rows` training rows that are in memory.
template <Real T>
auto check_fit(const DBM<T>& dbm, const Matrix<T>& train, std::size_t rows, const FitOptions<T>& options) -> void;

/// The weights of the rows, scaled to the mean 1; empty when there are none. Throws ShapeError or InputError.
template <Real T>
auto normalised_weights(const Vector<T>* weights, std::size_t rows) -> Vector<T>;

/// A number that tells values apart; 0 when there are none.
template <Real T>
auto checksum(std::span<const T> values) -> std::uint64_t;

/// One training: the state that its parts share.
template <Real T, class TrainerType, class OptimiserType, class List>
class Fit {
public:
    Fit(DBM<T>& dbm, Batches<T>& batches, TrainerType& trainer, OptimiserType& optimiser, const FitOptions<T>& options,
        List& callbacks)
        : run_{dbm, batches.resident(), options.validation, optimiser, trainer},
          batches_(batches),
          options_(options),
          all_(base_logger_, callbacks, history_),
          weights_(normalised_weights(options.weights, batches.rows())),
          redraw_(options.redraw == nullptr ? 0 : checksum(std::span<const T>(options.redraw->data(), options.redraw->size()))),
          gradient_(zero_parameters(dbm)),
          batch_(Matrix<T>::from_shape({std::min(options.batch_size, batches.rows()), dbm.visible_size()})),
          batch_weights_(Vector<T>::from_shape({weights_.size() == 0 ? 0 : batch_.shape(0)})),
          watch_(options.profile) {
        params_ = {.first_epoch = options.initial_epoch,
                   .epochs = options.epochs,
                   .batches = (batches.rows() + batch_.shape(0) - 1) / batch_.shape(0),
                   .batch_size = batch_.shape(0),
                   .rows = batches.rows(),
                   .seed = options.seed,
                   .has_validation = options.validation != nullptr};
        position_.epoch = options.initial_epoch;
        session_.on_warning = options.on_warning;
        session_.token = options.stop;
        session_.can_checkpoint = Stateful<OptimiserType> && Stateful<TrainerType>;
    }

    auto run() -> History {
        auto context = ContextOf<TrainInfo>(TrainInfo(logs_, &session_), run_);
        static_cast<FitParams&>(context) = params_;
        try {
            set_up();
            static_cast<FitParams&>(context) = params_;
            context.resumed = !options_.resume.empty();
            train(context);
        } catch (...) {
            watch_.stop();
            context.outcome = Outcome::failed;
            context.stop_reason = "an exception was thrown";
            context.error = std::current_exception();
            all_.template call_reversed<hook::Exception>(context);
            all_.template call_reversed<hook::Teardown>(context);
            throw;
        }
        all_.template call_reversed<hook::Teardown>(context);
        return std::move(history_);
    }

private:
    using RunType = Run<T, OptimiserType, TrainerType>;
    template <class InfoType>
    using ContextOf = Context<InfoType, RunType>;
    using Clock = std::chrono::steady_clock;
    /// A profiled trainer counts its phases itself.
    static constexpr auto gradient_phase = ProfiledTrainer<TrainerType> ? Stopwatch::Phase{} : &Profile::gradient;

    /// What a profile is of.
    auto train(ContextOf<TrainInfo>& context) -> void {
        if (options_.profile != nullptr) { *options_.profile = {}; }
        const auto trainer = ProfiledWhile(run_.trainer, options_.profile);
        const auto total = Stopwatch(options_.profile, &Profile::total);
        watch_.next(&Profile::callbacks);
        follow(all_.template call<hook::TrainBegin>(context));
        while (outcome_ == Outcome::completed && position_.epoch < options_.epochs) { run_epoch(); }
        context.outcome = outcome_;
        context.stop_reason = stop_reason();
        all_.template call<hook::Finalise>(context);
        all_.template call<hook::TrainEnd>(context);
        write_checkpoints();
        watch_.stop();
    }

    auto set_up() -> void {
        all_.template call<hook::SetParams>(std::as_const(params_));
        all_.template call<hook::SetModel>(run_.model);
        auto context = ContextOf<SetupInfo>(SetupInfo(logs_, &session_), run_);
        static_cast<FitParams&>(context) = params_;
        all_.template call<hook::Setup>(context);
        logs_.freeze();
        run_.trainer.begin(run_.model, run_.train, batch_.shape(0), options_.seed, options_.initial_epoch != 0);
        if (session_.needs_states) {
            auto unused = State{};
            all_.save_states(unused);  // finds two callbacks with one id before anything is trained
        }
        if (!options_.resume.empty()) { resume(); }
    }

    auto resume() -> void {
        if constexpr (Stateful<OptimiserType> && Stateful<TrainerType>) {
            auto saved = load_training<T>(options_.resume);
            if (!(saved.model.topology() == run_.model.topology())) {
                throw FileError(options_.resume.string(), "holds a machine " + saved.model.topology().describe() + ", not " +
                                                              run_.model.topology().describe());
            }
            const auto loop = load_loop(options_.resume, saved.state, identity(), logs_);
            if (loop.position.epoch > options_.epochs) {
                throw FileError(options_.resume.string(),
                                "is at epoch " + std::to_string(loop.position.epoch) + " of " + std::to_string(options_.epochs));
            }
            warn_of_other_rates(saved.state.child("optimiser"));
            run_.optimiser.load_state(saved.state.child("optimiser"));
            run_.trainer.load_state(saved.state.child("trainer"));
            run_.model = std::move(saved.model);
            all_.load_states(saved.state.child("callbacks"), session_);
            position_ = loop.position;
            params_.first_epoch = position_.epoch;
            if (!loop.stop_reason.empty() && !options_.continue_after_stop) {
                outcome_ = Outcome::stopped;
                earlier_stop_ = loop.stop_reason;
            }
        } else {
            throw InputError("this trainer or optimiser has no save_state and load_state, so a training with it cannot be resumed");
        }
    }

    /// Rate and momentum are progress, which schedules make: those of the checkpoint count, but not without a word.
    auto warn_of_other_rates(const State& saved) -> void {
        const auto compare = [&](const std::string& name, double configured) {
            const auto key = "configured_" + name;
            if (saved.has(key) && saved.get<double>(key) != configured) {
                session_.warn("the training goes on with the " + name +
                              " of its checkpoint, not with the one that is configured now");
            }
        };
        if constexpr (HasHyper<Hyper::learning_rate, OptimiserType>) { compare("learning_rate", run_.optimiser.learning_rate()); }
        if constexpr (HasHyper<Hyper::momentum, OptimiserType>) { compare("momentum", run_.optimiser.momentum()); }
    }

    auto write_checkpoints() -> void {
        for (auto& request : std::exchange(session_.checkpoints, {})) {
            if constexpr (Stateful<OptimiserType> && Stateful<TrainerType>) {
                auto state = State{};
                save_loop(state, identity(), position_, outcome_ == Outcome::stopped ? stop_reason() : std::string{}, logs_);
                run_.optimiser.save_state(state.child("optimiser"));
                run_.trainer.save_state(state.child("trainer"));
                all_.save_states(state.child("callbacks"));
                save_training(run_.model, state, request.path);
                auto context = ContextOf<CheckpointInfo>(CheckpointInfo(logs_, &session_), run_);
                context.path = std::move(request.path);
                context.reason = std::move(request.reason);
                context.epoch = position_.epoch;
                context.step = step();
                all_.template call<hook::Checkpoint>(context);
            } else {
                throw InputError("this trainer or optimiser has no save_state and load_state, so no checkpoint can be written");
            }
        }
    }

    /// Begins and ends in the callbacks' phase.
    auto run_epoch() -> void {
        const auto begin =
            Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(position_.seconds));
        auto context = ContextOf<EpochInfo>(EpochInfo(logs_, &session_), run_);
        context.epoch = position_.epoch;
        context.epochs = options_.epochs;
        context.step = step();
        context.last = position_.epoch + 1 == options_.epochs;
        auto flow = position_.ended ? Flow::end_epoch : Flow::proceed;
        if (position_.batch == 0) {
            logs_.clear();
            flow = follow(all_.template call<hook::EpochBegin>(context));
        }
        if (flow == Flow::proceed) { flow = run_batches(begin); }
        context.partial = flow != Flow::proceed;
        context.last = context.last || outcome_ != Outcome::completed;
        context.step = step();
        context.interrupted = flow == Flow::stop && interrupt(begin);
        if (!context.partial && options_.validation != nullptr) {
            follow(all_.template call<hook::ValidationBegin>(context));
            watch_.next(&Profile::validation);
            base_logger_.set_validation_cost(run_.trainer.evaluate(run_.model, *options_.validation));
            watch_.next(&Profile::callbacks);
            follow(all_.template call<hook::ValidationEnd>(context));
        }
        context.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        follow(all_.template call<hook::EpochEnd, Stage::schedule, Stage::produce>(context));
        // A stop request may have cut measurements short: a resumed training makes them again.
        if (!context.partial && poll_stop() == Flow::stop) { context.interrupted = interrupt(begin); }
        // Recorders and savers learn of a stop that a controller asks for in this very hook: no epoch follows then.
        follow(all_.template call<hook::EpochEnd, Stage::control, Stage::control>(context));
        context.last = context.last || outcome_ != Outcome::completed;
        follow(all_.template call<hook::EpochEnd, Stage::record, Stage::persist>(context));
        position_ = {.epoch = position_.epoch + 1};
        write_checkpoints();
    }

    auto run_batches(Clock::time_point begin) -> Flow {
        watch_.next(&Profile::data);
        batches_.begin_epoch(position_.epoch);
        auto context = ContextOf<BatchInfo>(BatchInfo(logs_, &session_), run_);
        context.epoch = position_.epoch;
        context.batches = params_.batches;
        for (auto b = position_.batch; b != params_.batches; ++b) {
            const auto first = b * batch_.shape(0);
            context.batch = b;
            context.step = position_.epoch * params_.batches + b;
            context.size = std::min(batch_.shape(0), params_.rows - first);
            const auto batch = slice(batch_, {0, context.size});
            watch_.next(&Profile::data);
            gather(first, batch, begin);
            watch_.next(&Profile::callbacks);
            auto flow = all_.template call<hook::BatchBegin>(context);
            watch_.next(gradient_phase);
            context.cost = compute_gradient(batch);
            watch_.next(&Profile::update);
            add_penalty(run_.model, options_.penalty, gradient_);
            watch_.next(&Profile::callbacks);
            flow = std::max(flow, call_gradient(context));
            watch_.next(&Profile::update);
            run_.optimiser.update(run_.model, gradient_);
            if (options_.max_norm > 0.0) { limit_norms(run_.model, options_.max_norm); }
            watch_.next(&Profile::callbacks);
            watch_.count_update(context.size);
            flow = follow(std::max(flow, all_.template call<hook::BatchEnd>(context)));
            flow = std::max(flow, poll_stop());
            position_.batch = b + 1;
            position_.ended = flow == Flow::end_epoch;
            if (!session_.checkpoints.empty()) {
                position_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
                write_checkpoints();
            }
            if (flow != Flow::proceed) { return flow; }
        }
        watch_.next(&Profile::callbacks);
        return Flow::proceed;
    }

    auto gather(std::size_t first, MatrixView<T> batch, Clock::time_point begin) -> void {
        try {
            const auto rows = batches_.gather(first, batch);
            if (weights_.size() == 0) { return; }
            std::ranges::transform(rows, batch_weights_.begin(), [&](std::size_t r) { return weights_[r]; });
        } catch (...) {
            // The rows cannot be read now; what was learnt is kept.
            watch_.next(&Profile::callbacks);
            interrupt(begin);
            throw;
        }
    }

    auto compute_gradient(MatrixView<const T> batch) -> double {
        if constexpr (WeightedTrainer<TrainerType, T>) {
            if (weights_.size() != 0) {
                return run_.trainer.gradient(run_.model, batch, gradient_,
                                             as_span(std::as_const(batch_weights_)).first(batch.rows()));
            }
        }
        return run_.trainer.gradient(run_.model, batch, gradient_);
    }

    /// The epoch will not be finished now: checkpoints from which it can be. False when nobody wants one.
    auto interrupt(Clock::time_point begin) -> bool {
        position_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        for (const auto& path : session_.interruption_paths) {
            session_.checkpoints.push_back({epoch_path(path, position_.epoch, logs_), "the training is interrupted"});
        }
        write_checkpoints();
        return !session_.interruption_paths.empty();
    }

    auto call_gradient(const ContextOf<BatchInfo>& batch) -> Flow {
        using GradientContext = ContextOf<GradientInfo<T>>;
        if constexpr (decltype(all_)::template has<hook::GradientReady, GradientContext>) {
            auto context = GradientContext(GradientInfo<T>(batch, gradient_), run_);
            return all_.template call<hook::GradientReady>(context);
        } else {
            return Flow::proceed;
        }
    }

    auto identity() const -> LoopIdentity {
        return {params_, options_.shuffle, checksum(as_span(weights_)), redraw_, batches_.blocks()};
    }
    auto step() const -> std::size_t { return position_.epoch * params_.batches + position_.batch; }
    auto follow(Flow flow) -> Flow {
        if (flow == Flow::stop && outcome_ == Outcome::completed) { outcome_ = Outcome::stopped; }
        return flow;
    }
    auto poll_stop() -> Flow {
        if (!options_.stop.stop_requested()) { return Flow::proceed; }
        if (outcome_ == Outcome::completed) { outcome_ = Outcome::cancelled; }
        return Flow::stop;
    }
    auto stop_reason() const -> std::string {
        if (outcome_ == Outcome::completed) { return {}; }
        if (outcome_ == Outcome::cancelled) { return "a stop was requested"; }
        return earlier_stop_.empty() ? session_.stop_reason() : earlier_stop_;
    }

    RunType run_;
    Batches<T>& batches_;
    const FitOptions<T>& options_;
    BaseLogger base_logger_;
    History history_;
    CallbackList<BaseLogger&, List&, History&> all_;
    Session session_;
    Logs logs_;
    FitParams params_;
    Position position_;
    Vector<T> weights_;
    std::uint64_t redraw_;  // the checksum of its values
    Gradient<T> gradient_;
    Matrix<T> batch_;
    Vector<T> batch_weights_;
    Stopwatch watch_;
    Outcome outcome_ = Outcome::completed;
    std::string earlier_stop_;
};

/// The training itself, wherever its rows come from.
template <Real T, class TrainerType, class OptimiserType, class List>
auto fit_batches(DBM<T>& dbm, Batches<T>& batches, TrainerType& trainer, OptimiserType& optimiser, const FitOptions<T>& options,
                 List& callbacks) -> History {
    check_fit(dbm, batches.resident(), batches.rows(), options);
    if constexpr (!WeightedTrainer<TrainerType, T>) {
        if (options.weights != nullptr) {
            throw InputError("the rows have weights, but this trainer has no gradient(dbm, batch, gradient, weights)");
        }
    }
    return Fit(dbm, batches, trainer, optimiser, options, callbacks).run();
}

}  // namespace nbm

export namespace nbm {

/// Trains a machine on train: [rows, visible] and returns the history of all metrics. Each epoch visits every row once, in batches:
/// trainer.gradient, optimiser.update; then the validation split is evaluated. `callbacks` is a callback or a list of them; a
/// BaseLogger and a History are applied besides. An exception of a callback is thrown as CallbackError after every callback's
/// teardown. The same seed gives the same weights for any number of threads; a training that is resumed from a checkpoint ends as
/// if it had never been interrupted. Throws InputError, ShapeError or FileError before the first batch when the arguments do not
/// fit.
template <Real T, class TrainerType, class OptimiserType, class List = CallbackList<>>
    requires Trainer<std::remove_reference_t<TrainerType>, T> && Optimiser<std::remove_reference_t<OptimiserType>, T> &&
             Callback<std::remove_reference_t<List>>
auto fit(DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& train, TrainerType&& trainer, OptimiserType&& optimiser,
         const FitOptions<T>& options = {}, List&& callbacks = List{}) -> History {
    auto batches = MatrixBatches<T>(train, options.shuffle, options.seed, options.redraw);
    return fit_batches(dbm, batches, trainer, optimiser, options, callbacks);
}

/// The same with rows that are read from a file, block by block: a thread reads the next ones while these are trained on. An epoch
/// visits the blocks in a random order, and shuffles the rows of as many blocks as the memory of the data set holds. Callbacks and
/// trainer.begin() see train.resident().train. Rows that cannot be read end the training: the checkpoints that an interruption asks
/// for are written, then FileError or InputError is thrown.
template <Real T, class TrainerType, class OptimiserType, class List = CallbackList<>>
    requires Trainer<std::remove_reference_t<TrainerType>, T> && Optimiser<std::remove_reference_t<OptimiserType>, T> &&
             Callback<std::remove_reference_t<List>>
auto fit(DBM<T>& dbm, const std::type_identity_t<StreamedDataset<T>>& train, TrainerType&& trainer, OptimiserType&& optimiser,
         const FitOptions<T>& options = {}, List&& callbacks = List{}) -> History {
    if (train.holds_all()) { return fit(dbm, train.resident().train, trainer, optimiser, options, callbacks); }
    if (options.redraw != nullptr) { throw InputError("rows can only be drawn anew when all of them are in memory"); }
    auto batches = StreamedBatches<T>(train, options.shuffle, options.seed, options.epochs);
    return fit_batches(dbm, batches, trainer, optimiser, options, callbacks);
}

}  // namespace nbm
