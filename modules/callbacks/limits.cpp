module nbm:callbacks.limits_impl;

import :callbacks.contexts;
import :callbacks.limits;
import :callbacks.options;
import :callbacks.plan;
import :callbacks.session;
import :io;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// "PARAMETER has the value X" of the first number that is not finite; empty without one.
template <Real T>
auto find_non_finite(const DBM<T>& dbm) -> std::string {
    const auto find = [](const std::string& name, std::span<const T> values) -> std::string {
        const auto found = std::ranges::find_if_not(values, [](T x) { return std::isfinite(x); });
        return found == values.end() ? std::string{} : fmt::format("{} has the value {}", name, *found);
    };
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        if (auto what = find("a bias of " + part_name(l), as_span(dbm.bias(l))); !what.empty()) { return what; }
    }
    for (const auto& synapse : dbm.synapses()) {
        const auto& w = synapse.weights;
        if (auto what = find("a weight of " + part_name(synapse.edge), {w.data(), w.size()}); !what.empty()) { return what; }
    }
    return {};
}

}  // namespace

auto TerminateOnNonFinite::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("every_batches", options.every_batches,
                   "updates between checks of all parameters; 0: at the ends of epochs only");
    visitor.choice("action", options.action, "the training is stopped, or fails", {"stop", "throw"});
}

auto TerminateOnNonFinite::end(const Info& info, const std::string& what, const std::string& place) const -> Flow {
    auto sentence = fmt::format("{} in {}", what, place);
    if (options_.action == NonFiniteAction::raise) { throw Error(sentence); }
    return info.stop(std::move(sentence));
}

template <Real T>
auto TerminateOnNonFinite::on_batch_end(const ModelContext<BatchInfo, T>& context) -> Flow {
    auto what = std::string{};
    if (!std::isfinite(context.cost)) {
        what = fmt::format("the cost has the value {}", context.cost);
    } else if (options_.every_batches != 0 && (context.step + 1) % options_.every_batches == 0) {
        what = find_non_finite(context.model);
    }
    return what.empty() ? Flow::proceed : end(context, what, describe_place(context.epoch, true, context.batch));
}

template <Real T>
auto TerminateOnNonFinite::on_epoch_end(const ModelContext<EpochInfo, T>& context) -> Flow {
    const auto what = find_non_finite(context.model);
    return what.empty() ? Flow::proceed : end(context, what, "the end of " + describe_place(context.epoch, false, 0));
}

auto TimeBudget::options(OptionVisitor& visitor, Options& options) -> void {
    visitor.option("seconds", options.seconds, "seconds that the training may take; above 0", {.least = 0.0, .required = true});
}

TimeBudget::TimeBudget(TimeBudgetOptions options) : options_(options) {
    if (!(std::isfinite(options_.seconds) && options_.seconds > 0.0)) {
        throw InputError(fmt::format("TimeBudget: seconds is {}; it must be finite and above 0", options_.seconds));
    }
}

auto TimeBudget::elapsed() const -> double {
    return running_ ? spent_ + std::chrono::duration<double>(Clock::now() - started_).count() : spent_;
}

auto TimeBudget::setup(const SetupInfo&) -> void {
    spent_ = 0.0;
    running_ = false;
}

auto TimeBudget::on_train_begin(const TrainInfo& info) -> Flow {
    started_ = Clock::now();
    running_ = true;
    return check(info);
}

auto TimeBudget::on_batch_end(const BatchInfo& info) -> Flow { return check(info); }
auto TimeBudget::on_epoch_end(const EpochInfo& info) -> Flow { return check(info); }

auto TimeBudget::teardown(const TrainInfo&) -> void {
    spent_ = elapsed();
    running_ = false;
}

auto TimeBudget::check(const Info& info) const -> Flow {
    const auto now = elapsed();
    if (now < options_.seconds) { return Flow::proceed; }
    return info.stop(fmt::format("the budget of {:.6g} seconds is used up after {:.6g}", options_.seconds, now));
}

auto TimeBudget::save_state(State& state) const -> void { state.put("elapsed", elapsed()); }
auto TimeBudget::load_state(const State& state) -> void { spent_ = state.get<double>("elapsed"); }

template auto TerminateOnNonFinite::on_batch_end(const ModelContext<BatchInfo, float>&) -> Flow;
template auto TerminateOnNonFinite::on_batch_end(const ModelContext<BatchInfo, double>&) -> Flow;
template auto TerminateOnNonFinite::on_epoch_end(const ModelContext<EpochInfo, float>&) -> Flow;
template auto TerminateOnNonFinite::on_epoch_end(const ModelContext<EpochInfo, double>&) -> Flow;

}  // namespace nbm
