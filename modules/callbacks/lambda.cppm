export module nbm:callbacks.lambda;

import :callbacks.contexts;
import :callbacks.session;
import :standard;

export namespace nbm {

/// A hook of a Lambda: empty, or any callable that takes X& and returns void or Flow. An empty std::function or a null pointer is
/// as none.
template <class X>
class LambdaHook {
public:
    LambdaHook() = default;
    template <class F>
        requires(std::invocable<F&, X&> && !std::same_as<std::remove_cvref_t<F>, LambdaHook>)
    LambdaHook(F function) {
        using Result = std::invoke_result_t<F&, X&>;
        static_assert(std::is_void_v<Result> || std::is_same_v<Result, Flow>, "a hook must return void or nbm::Flow");
        // Closures that convert to pointers can be compared with nullptr, too, but are never empty.
        constexpr auto may_be_empty = std::is_pointer_v<F> || requires {
            typename F::result_type;
            function == nullptr;
        };
        if constexpr (may_be_empty) {
            if (function == nullptr) { return; }
        }
        if constexpr (std::is_void_v<Result>) {
            function_ = [f = std::move(function)](X& x) mutable {
                f(x);
                return Flow::proceed;
            };
        } else {
            function_ = std::move(function);
        }
    }

    inline auto operator()(X& x) const -> Flow { return function_ ? function_(x) : Flow::proceed; }

private:
    std::function<Flow(X&)> function_;
};

/// A callback put together where it is used: nbm::Lambda{.on_epoch_end = [](const nbm::EpochInfo& info) { ... }}. Each hook is a
/// callable that returns void or Flow; hooks that are not given do nothing, and one that does not exist fails to compile. It is a
/// convenience: each hook costs an indirect call, given or not, and none sees the machine, nor has it a state in checkpoints; for
/// these, write a class. From the control stage on, hooks take constant arguments.
template <Stage S>
struct LambdaAt {
    static constexpr auto stage = S;
    static constexpr std::string_view kind = "lambda";
    template <class X>
    using Hook = LambdaHook<std::conditional_t<(S >= Stage::control), const X, X>>;

    std::string name = {};  // in messages; "lambda" without one
    LambdaHook<const FitParams> set_params = {};
    Hook<SetupInfo> setup = {};
    Hook<TrainInfo> on_train_begin = {};
    Hook<EpochInfo> on_epoch_begin = {};
    Hook<BatchInfo> on_batch_begin = {};
    Hook<BatchInfo> on_batch_end = {};
    Hook<EpochInfo> on_validation_begin = {};
    Hook<EpochInfo> on_validation_end = {};
    Hook<EpochInfo> on_epoch_end = {};
    Hook<CheckpointInfo> on_checkpoint = {};
    Hook<TrainInfo> on_finalise = {};
    Hook<TrainInfo> on_train_end = {};
    Hook<TrainInfo> on_exception = {};
    Hook<TrainInfo> teardown = {};

    inline auto id() const -> const std::string& { return name; }
};

/// One at the stage produce.
using Lambda = LambdaAt<Stage::produce>;

}  // namespace nbm
