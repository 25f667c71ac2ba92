module;

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

export module nbm:callbacks.list;

import :callbacks.concepts;
import :callbacks.contexts;
import :tensor;

export namespace nbm {

/// A hook threw: what() names the hook and the callback; the original exception is nested in it.
class CallbackError : public Error, public std::nested_exception {
public:
    CallbackError(std::string_view hook, std::size_t position, std::string_view problem);
};

/// Callbacks composed at compile time. Lvalues are kept by reference, so that their owner can read their results; rvalues by value.
/// Hooks run in the order of stages, then of the list; a callback that lacks a hook costs nothing there, and none keeps a later one
/// from being called.
template <class... Cs>
    requires(Callback<std::remove_reference_t<Cs>> && ...)
class CallbackList {
public:
    explicit constexpr CallbackList(Cs... callbacks) : members_(std::forward<Cs>(callbacks)...) {}

    /// Calls a hook of all callbacks that have it, in the given stages, and returns the strongest answer. From the control stage
    /// on, callbacks see a constant context. An exception is rethrown as CallbackError.
    template <class Hook, Stage first = Stage::schedule, Stage last = Stage::persist, class X>
    constexpr auto call(X& context) -> Flow {
        return call_in_order<Hook, first, last>(context, std::make_index_sequence<sizeof...(Cs)>{});
    }

    /// The same in reverse order; an exception of one callback does not keep the others from being called and is dropped. For
    /// teardown.
    template <class Hook, class X>
    constexpr auto call_all_reversed(X& context) noexcept -> void {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (call_quietly<Hook, order[sizeof...(Cs) - 1 - I]>(context), ...);
        }(std::make_index_sequence<sizeof...(Cs)>{});
    }

    /// Whether any callback has this hook for context X.
    template <class Hook, class X>
    static constexpr bool has = (Hook::template callable<std::remove_reference_t<Cs>, X> || ... || false);

    static constexpr auto size() -> std::size_t { return sizeof...(Cs); }

    /// The callback at a place of the list as it was written.
    template <std::size_t I>
    constexpr auto get() -> auto& {
        return std::get<I>(members_);
    }

    /// This list between two other callbacks: how fit() adds its own.
    template <class First, class Last>
    constexpr auto between(First& first, Last& last) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return CallbackList<First&, std::remove_reference_t<Cs>&..., Last&>(first, std::get<I>(members_)..., last);
        }(std::make_index_sequence<sizeof...(Cs)>{});
    }

private:
    /// Places in order of their stages: a stable sort.
    static constexpr auto order = [] {
        auto places = std::array<std::size_t, sizeof...(Cs)>{};
        const auto stages = std::array<Stage, sizeof...(Cs)>{stage_of<std::remove_reference_t<Cs>>...};
        for (std::size_t i = 0; i != places.size(); ++i) {
            auto at = i;
            for (; at != 0 && stages[places[at - 1]] > stages[i]; --at) { places[at] = places[at - 1]; }
            places[at] = i;
        }
        return places;
    }();

    template <std::size_t I>
    using Member = std::remove_reference_t<std::tuple_element_t<I, std::tuple<Cs...>>>;

    template <std::size_t I, class X>
    using Seen = std::conditional_t<(stage_of<Member<I>> >= Stage::control), const X, X>;

    template <class Hook, Stage first, Stage last, class X, std::size_t... I>
    constexpr auto call_in_order(X& context, std::index_sequence<I...>) -> Flow {
        auto flow = Flow::proceed;
        ((flow = std::max(flow, call_one<Hook, order[I], first, last>(context))), ...);
        return flow;
    }

    template <class Hook, std::size_t I, Stage first, Stage last, class X>
    constexpr auto call_one(X& context) -> Flow {
        if constexpr (stage_of<Member<I>> >= first && stage_of<Member<I>> <= last) {
            return call_seen<Hook, I>(static_cast<Seen<I, X>&>(context));
        } else {
            return Flow::proceed;
        }
    }

    template <class Hook, std::size_t I, class X>
    constexpr auto call_seen(X& context) -> Flow {
        Hook::template check<Member<I>, X>();
        if constexpr (Hook::template callable<Member<I>, X>) {
            try {
                if constexpr (std::is_void_v<decltype(Hook::call(std::get<I>(members_), context))>) {
                    Hook::call(std::get<I>(members_), context);
                } else {
                    return Hook::call(std::get<I>(members_), context);
                }
            } catch (const std::exception& error) { throw CallbackError(Hook::name, I, error.what()); }
        }
        return Flow::proceed;
    }

    template <class Hook, std::size_t I, class X>
    constexpr auto call_quietly(X& context) noexcept -> void {
        try {
            call_seen<Hook, I>(context);
        } catch (...) {}
    }

    std::tuple<Cs...> members_;
};

template <class... Cs>
CallbackList(Cs&&...) -> CallbackList<Cs...>;

}  // namespace nbm
