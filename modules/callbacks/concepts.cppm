module;

// The hooks differ in nothing but their name and context; C++20 cannot pass a name as an argument. This macro stays within this
// file.
#define NBM_HOOK(Name, method, ...)                                                                                \
    struct Name {                                                                                                  \
        static constexpr std::string_view name = #method;                                                          \
        template <class R>                                                                                         \
        using context = __VA_ARGS__;                                                                               \
        template <class C, class X>                                                                                \
        static constexpr bool direct = requires(C& c, X& x) { c.method(x); };                                      \
        template <class C, class X>                                                                                \
        static constexpr bool callable = is_callable<Name, C, X>();                                                \
        template <class C>                                                                                         \
        static constexpr bool present = is_present<Name, C>();                                                     \
        struct Probe {                                                                                             \
            int method;                                                                                            \
        };                                                                                                         \
        template <class Mixed>                                                                                     \
        static constexpr bool unambiguous = requires { &Mixed::method; };                                          \
        template <class C, class X>                                                                                \
        static constexpr auto call(C& c, X& x) -> Flow {                                                           \
            using Result = decltype(c.method(x));                                                                  \
            static_assert(std::is_void_v<Result> || std::is_same_v<Result, Flow>,                                  \
                          "the callback's hook '" #method "' must return void or nbm::Flow");                      \
            if constexpr (std::is_void_v<Result>) {                                                                \
                c.method(x);                                                                                       \
                return Flow::proceed;                                                                              \
            } else {                                                                                               \
                return c.method(x);                                                                                \
            }                                                                                                      \
        }                                                                                                          \
        template <class C, class X>                                                                                \
        static constexpr void check() {                                                                            \
            static_assert(callable<C, X> || !present<C>, "the callback has a member '" #method                     \
                                                         "' that cannot be called with the context of this hook; " \
                                                         "from the control stage on the context is constant, so "  \
                                                         "that metrics cannot be written");                        \
        }                                                                                                          \
    }

export module nbm:callbacks.concepts;

import :callbacks.contexts;
import :callbacks.session;
import :io;
import :model;
import :standard;
import :tensor;

namespace nbm {

template <class C, class Probe>
struct Mixed : C, Probe {};

/// Whether C has any member of the hook's name: a second base with that name makes it ambiguous.
template <class Hook, class C>
consteval auto find_name() -> bool {
    if constexpr (std::is_class_v<C> && !std::is_final_v<C>) {
        return !Hook::template unambiguous<Mixed<C, typename Hook::Probe>>;
    } else {
        return false;  // cannot be told for final classes; they are judged by their calls alone
    }
}

/// A callback around another one: it has the hooks of `wrapped` and passes them on in `invoke<Hook>(x) -> Flow`.
template <class C>
concept Wrapper = requires { typename C::wrapped; };

/// A list: it has the hooks of its members and takes part in every stage.
template <class C>
concept Composite = requires { requires C::is_callback_list; };

template <class Hook, class C>
consteval auto is_present() -> bool {
    if constexpr (Composite<C>) {
        return C::template present<Hook>;
    } else if constexpr (Wrapper<C>) {
        return Hook::template present<typename C::wrapped>;
    } else {
        return find_name<Hook, C>();
    }
}

template <class Hook, class C, class X>
consteval auto is_callable() -> bool {
    if constexpr (Composite<C>) {
        return C::template has<Hook, X>;
    } else if constexpr (Wrapper<C>) {
        return Hook::template callable<typename C::wrapped, X>;
    } else {
        return Hook::template direct<C, X>;
    }
}

/// Calls a hook of one callback, whatever it is.
template <class Hook, class C, class X>
constexpr auto call_hook(C& callback, X& context) -> Flow {
    if constexpr (Wrapper<C>) {
        return callback.template invoke<Hook>(context);
    } else {
        return Hook::call(callback, context);
    }
}

/// "Name" of a class "a::b<c>::Name<d>".
template <class C>
consteval auto type_name() -> std::string_view {
    auto text = std::string_view(__PRETTY_FUNCTION__);
    text = text.substr(text.find("C = ") + 4);
    text = text.substr(0, text.rfind(']'));
    const auto arguments = text.find('<');
    const auto scope = text.substr(0, arguments).rfind("::");
    return scope == std::string_view::npos ? text : text.substr(scope + 2);
}

}  // namespace nbm

export namespace nbm {

/// The hooks, as types: name, the context of a Run that they are called with, whether a callback can be called so, and the call.
namespace hook {
NBM_HOOK(SetParams, set_params, const FitParams);
NBM_HOOK(SetModel, set_model, DBM<typename R::value_type>);
NBM_HOOK(Setup, setup, Context<SetupInfo, R>);
NBM_HOOK(TrainBegin, on_train_begin, Context<TrainInfo, R>);
NBM_HOOK(TrainEnd, on_train_end, Context<TrainInfo, R>);
NBM_HOOK(Finalise, on_finalise, Context<TrainInfo, R>);
NBM_HOOK(EpochBegin, on_epoch_begin, Context<EpochInfo, R>);
NBM_HOOK(EpochEnd, on_epoch_end, Context<EpochInfo, R>);
NBM_HOOK(BatchBegin, on_batch_begin, Context<BatchInfo, R>);
NBM_HOOK(BatchEnd, on_batch_end, Context<BatchInfo, R>);
NBM_HOOK(GradientReady, on_gradient, Context<GradientInfo<typename R::value_type>, R>);
NBM_HOOK(ValidationBegin, on_validation_begin, Context<EpochInfo, R>);
NBM_HOOK(ValidationEnd, on_validation_end, Context<EpochInfo, R>);
NBM_HOOK(Checkpoint, on_checkpoint, Context<CheckpointInfo, R>);
NBM_HOOK(Exception, on_exception, Context<TrainInfo, R>);
NBM_HOOK(Teardown, teardown, Context<TrainInfo, R>);
NBM_HOOK(SaveState, save_state, State);
NBM_HOOK(LoadState, load_state, const State);

/// All of them, in the order in which a training calls them first.
using All = std::tuple<SetParams, SetModel, Setup, LoadState, TrainBegin, EpochBegin, BatchBegin, GradientReady, BatchEnd,
                       ValidationBegin, ValidationEnd, EpochEnd, SaveState, Checkpoint, Finalise, TrainEnd, Exception, Teardown>;
inline constexpr std::size_t count = std::tuple_size_v<All>;
}  // namespace hook

/// The place of a hook in hook::All.
template <class Hook>
inline constexpr std::size_t hook_index = []<class... Hooks>(std::tuple<Hooks...>*) {
    auto index = std::size_t{0};
    (void)((std::is_same_v<Hook, Hooks> || (++index, false)) || ...);
    return index;
}(static_cast<hook::All*>(nullptr));

/// C can be called as a hook with context X.
template <class C, class Hook, class X>
concept HasHook = Hook::template callable<C, X>;

/// A callback: any class with a member of at least one hook's name. (A final class is taken at its word.)
template <class C>
concept Callback = std::is_class_v<C> && (std::is_final_v<C> || Composite<C> || []<class... Hooks>(std::tuple<Hooks...>*) {
                       return (Hooks::template present<C> || ...);
                   }(static_cast<hook::All*>(nullptr)));

/// The stage that a callback class declares as `static constexpr nbm::Stage stage`; produce without one.
template <class C>
inline constexpr Stage stage_of = [] {
    if constexpr (Wrapper<C>) {
        return stage_of<typename C::wrapped>;
    } else if constexpr (requires {
                             { C::stage } -> std::convertible_to<Stage>;
                         }) {
        return C::stage;
    } else {
        return Stage::produce;
    }
}();

}  // namespace nbm

namespace nbm {

/// In place of a constraint, so that the message says why.
template <class C>
consteval auto is_callback() -> bool {
    static_assert(Callback<C>, "a type in a callback list has no hook: none of its members has the name of one");
    return true;
}

/// How a callback sees a context: constant from the control stage on.
template <class C, class X>
using Seen = std::conditional_t<(stage_of<C> >= Stage::control), const X, X>;

template <class Hook, class C, class RunType>
consteval auto fits_hook() -> bool {
    using X = Seen<C, typename Hook::template context<RunType>>;
    return Hook::template callable<C, X> || !Hook::template present<C>;
}

}  // namespace nbm

export namespace nbm {

/// A callback each of whose hooks can be called with the contexts of the run.
template <class C, class RunType>
concept CallbackFor = Callback<C> && []<class... Hooks>(std::tuple<Hooks...>*) {
    return (fits_hook<Hooks, C, RunType>() && ...);
}(static_cast<hook::All*>(nullptr));

/// What kind of callback a class is: its `static constexpr std::string_view kind`, or the name of the class.
template <class C>
inline constexpr std::string_view kind_of = [] {
    if constexpr (Wrapper<C>) {
        return kind_of<typename C::wrapped>;
    } else if constexpr (requires {
                             { C::kind } -> std::convertible_to<std::string_view>;
                         }) {
        return std::string_view(C::kind);
    } else {
        return type_name<C>();
    }
}();

/// The name of a callback in messages and checkpoints: its id(), if it has one that is not empty, or its kind.
template <class C>
auto id_of(const C& callback) -> std::string {
    if constexpr (requires {
                      { callback.id() } -> std::convertible_to<std::string>;
                  }) {
        if (auto id = std::string(callback.id()); !id.empty()) { return id; }
    }
    return std::string(kind_of<C>);
}

}  // namespace nbm
