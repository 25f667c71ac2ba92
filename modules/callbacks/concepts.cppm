module;

#include <concepts>
#include <string_view>
#include <type_traits>

// The hooks differ in nothing but their name, which C++20 cannot pass as an argument; this macro stays within this file.
#define NBM_HOOK(Name, method)                                                                                     \
    struct Name {                                                                                                  \
        static constexpr std::string_view name = #method;                                                          \
        template <class C, class X>                                                                                \
        static constexpr bool callable = requires(C& c, X& x) { c.method(x); };                                    \
        template <class C>                                                                                         \
        static constexpr bool present = has_name<Name, C>;                                                         \
        struct Probe {                                                                                             \
            int method;                                                                                            \
        };                                                                                                         \
        template <class Mixed>                                                                                     \
        static constexpr bool unambiguous = requires { &Mixed::method; };                                          \
        template <class C, class X>                                                                                \
        static constexpr auto call(C& c, X& x) -> decltype(auto) {                                                 \
            using Result = decltype(c.method(x));                                                                  \
            static_assert(std::is_void_v<Result> || std::is_same_v<Result, Flow>,                                  \
                          "the callback's hook '" #method "' must return void or nbm::Flow");                      \
            return c.method(x);                                                                                    \
        }                                                                                                          \
        template <class C, class X>                                                                                \
        static constexpr void check() {                                                                            \
            static_assert(callable<C, X> || !present<C>, "the callback has a member '" #method                     \
                                                         "' that cannot be called with the context of this hook; " \
                                                         "from the control stage on the context is constant");     \
        }                                                                                                          \
    }

export module nbm:callbacks.concepts;

import :callbacks.contexts;

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
template <class Hook, class C>
inline constexpr bool has_name = find_name<Hook, C>();

}  // namespace nbm

export namespace nbm {

/// The hooks, as types: name, whether a callback can be called with a context, and the call.
namespace hook {
NBM_HOOK(Setup, setup);
NBM_HOOK(TrainBegin, on_train_begin);
NBM_HOOK(TrainEnd, on_train_end);
NBM_HOOK(EpochBegin, on_epoch_begin);
NBM_HOOK(EpochEnd, on_epoch_end);
NBM_HOOK(BatchBegin, on_batch_begin);
NBM_HOOK(BatchEnd, on_batch_end);
NBM_HOOK(GradientReady, on_gradient);
NBM_HOOK(ValidationBegin, on_validation_begin);
NBM_HOOK(ValidationEnd, on_validation_end);
NBM_HOOK(Exception, on_exception);
NBM_HOOK(Teardown, teardown);
}  // namespace hook

/// C can be called as a hook with context X.
template <class C, class Hook, class X>
concept HasHook = Hook::template callable<C, X>;

/// A callback: any class with a member of at least one hook's name. (A final class is taken at its word.)
template <class C>
concept Callback = std::is_class_v<C> &&
                   (std::is_final_v<C> || hook::Setup::present<C> || hook::TrainBegin::present<C> || hook::TrainEnd::present<C> ||
                    hook::EpochBegin::present<C> || hook::EpochEnd::present<C> || hook::BatchBegin::present<C> ||
                    hook::BatchEnd::present<C> || hook::GradientReady::present<C> || hook::ValidationBegin::present<C> ||
                    hook::ValidationEnd::present<C> || hook::Exception::present<C> || hook::Teardown::present<C>);

/// The stage that a callback class declares as `static constexpr nbm::Stage stage`; produce without one.
template <class C>
inline constexpr Stage stage_of = [] {
    if constexpr (requires {
                      { C::stage } -> std::convertible_to<Stage>;
                  }) {
        return C::stage;
    } else {
        return Stage::produce;
    }
}();

}  // namespace nbm
