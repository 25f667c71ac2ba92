export module nbm:callbacks.list;

import :callbacks.concepts;
import :callbacks.contexts;
import :callbacks.plan;
import :callbacks.session;
import :callbacks.timing;
import :io;
import :standard;
import :tensor;

export namespace nbm {

/// Callbacks composed at compile time. Lvalues are kept by reference, so that their owner can read their results; rvalues by value.
/// Hooks run in the order of stages, then of the list; a callback that lacks a hook costs nothing there, and none keeps a later one
/// from being called. A list may hold lists: their members take part in the stages like its own. With a Timing among them, all
/// others are timed.
template <class... Cs>
class CallbackList {
    static_assert((is_callback<std::remove_reference_t<Cs>>() && ...));

public:
    static constexpr bool is_callback_list = true;

    explicit constexpr CallbackList(Cs... callbacks) : members_(std::forward<Cs>(callbacks)...) {}

    /// Whether any callback has a member of this hook's name.
    template <class Hook>
    static constexpr bool present = (Hook::template present<std::remove_reference_t<Cs>> || ... || false);

    /// Whether any callback has this hook for context X.
    template <class Hook, class X>
    static constexpr bool has = (Hook::template callable<std::remove_reference_t<Cs>, X> || ... || false);

    /// Calls a hook of all callbacks that have it, in the given stages, and returns the strongest answer. From the control stage
    /// on, callbacks see a constant context. An exception is rethrown as CallbackError.
    template <class Hook, Stage first = Stage::schedule, Stage last = Stage::persist, class X>
    constexpr auto call(X& context) -> Flow {
        auto none = NoTiming{};
        return call_timed<Hook, first, last>(context, none);
    }

    /// The same, timed by the enclosing list's Timing unless this list has one of its own.
    template <class Hook, Stage first, Stage last, class X, class T>
    constexpr auto call_timed(X& context, T& timing) -> Flow {
        if constexpr (own_timing != sizeof...(Cs) && std::is_same_v<T, NoTiming>) {
            return call_timed<Hook, first, last>(context, std::get<own_timing>(members_));
        } else {
            if constexpr (begins_anew<Hook, first>) { ready_ = {}; }
            auto flow = Flow::proceed;
            [&]<std::size_t... S>(std::index_sequence<S...>) {
                ((flow = std::max(
                      flow, call_stage<Hook, static_cast<Stage>(static_cast<std::size_t>(first) + S)>(context, timing, Places{}))),
                 ...);
            }(std::make_index_sequence<static_cast<std::size_t>(last) - static_cast<std::size_t>(first) + 1>{});
            return flow;
        }
    }

    /// The same in exact reverse order, for those whose setup succeeded; an exception of one callback becomes a warning and does
    /// not keep the others from being called. For teardown.
    template <class Hook, Stage first = Stage::schedule, Stage last = Stage::persist, class X>
    constexpr auto call_reversed(X& context) -> void {
        [&]<std::size_t... S>(std::index_sequence<S...>) {
            (reverse_stage<Hook, static_cast<Stage>(static_cast<std::size_t>(last) - S)>(context, Places{}), ...);
        }(std::make_index_sequence<static_cast<std::size_t>(last) - static_cast<std::size_t>(first) + 1>{});
    }

    /// What is called when: one line for each hook that any callback has.
    auto describe() const -> std::string {
        auto plan = Plan{};
        add_to(plan);
        return plan.describe();
    }
    auto add_to(Plan& plan) const -> void {
        std::apply([&](const auto&... members) { (add_member(plan, members), ...); }, members_);
    }

    /// Saves the state of each callback that has one under its id. Throws InputError when two have the same id.
    auto save_states(State& state) const -> void {
        std::apply([&](const auto&... members) { (save_member(state, members), ...); }, members_);
    }
    /// Restores what save_states() saved; a callback whose state is not there is warned of and begins afresh.
    auto load_states(const State& state, Session& session) -> void {
        std::apply([&](auto&... members) { (load_member(state, session, members), ...); }, members_);
    }

    static constexpr auto size() -> std::size_t { return sizeof...(Cs); }

    /// The callback at a place of the list as it was written.
    template <std::size_t I>
    constexpr auto get() -> auto& {
        return std::get<I>(members_);
    }

private:
    using Places = std::make_index_sequence<sizeof...(Cs)>;
    template <std::size_t I>
    using Member = std::remove_reference_t<std::tuple_element_t<I, std::tuple<Cs...>>>;

    /// The place of the list's own Timing, or its size.
    static constexpr auto own_timing = [] {
        auto place = std::size_t{0};
        (void)((Measures<std::remove_reference_t<Cs>> || (++place, false)) || ...);
        return place;
    }();

    template <class Hook, Stage S, class X, class T, std::size_t... I>
    constexpr auto call_stage(X& context, T& timing, std::index_sequence<I...>) -> Flow {
        auto flow = Flow::proceed;
        ((flow = std::max(flow, call_one<Hook, S, I>(context, timing))), ...);
        return flow;
    }

    template <class Hook, Stage S, std::size_t I, class X, class T>
    constexpr auto call_one(X& context, T& timing) -> Flow {
        using C = Member<I>;
        if constexpr (Composite<C>) {
            return std::get<I>(members_).template call_timed<Hook, S, S>(context, timing);
        } else if constexpr (stage_of<C> == S) {
            const auto flow = call_leaf<Hook, I>(static_cast<Seen<C, X>&>(context), timing);
            if constexpr (std::is_same_v<Hook, hook::Setup>) { ready_[I] = true; }
            return flow;
        } else {
            return Flow::proceed;
        }
    }

    template <class Hook, std::size_t I, class X, class T>
    constexpr auto call_leaf(X& context, T& timing) -> Flow {
        using C = Member<I>;
        Hook::template check<C, X>();
        if constexpr (Hook::template callable<C, X>) {
            auto& callback = std::get<I>(members_);
            try {
                if constexpr (std::is_same_v<T, NoTiming> || Measures<C>) {
                    return finish_call<Hook>(callback, context, call_hook<Hook>(callback, context));
                } else {
                    return measure(timing, &callback, id_of(callback), Hook::name,
                                   [&] { return finish_call<Hook>(callback, context, call_hook<Hook>(callback, context)); });
                }
            } catch (...) { throw_callback_error(Hook::name, id_of(callback), place_of(context)); }
        }
        return Flow::proceed;
    }

    template <class Hook, Stage S, class X, std::size_t... I>
    constexpr auto reverse_stage(X& context, std::index_sequence<I...>) -> void {
        (reverse_one<Hook, S, sizeof...(Cs) - 1 - I>(context), ...);
    }

    template <class Hook, Stage S, std::size_t I, class X>
    constexpr auto reverse_one(X& context) -> void {
        using C = Member<I>;
        if constexpr (Composite<C>) {
            std::get<I>(members_).template call_reversed<Hook, S, S>(context);
        } else if constexpr (stage_of<C> == S && Hook::template callable<C, Seen<C, X>>) {
            if (!ready_[I]) { return; }
            try {
                call_hook<Hook>(std::get<I>(members_), static_cast<Seen<C, X>&>(context));
            } catch (...) { warn_of_failure(context, Hook::name, id_of(std::get<I>(members_))); }
        }
    }

    template <class C>
    static auto add_member(Plan& plan, const C& callback) -> void {
        if constexpr (Composite<C>) {
            callback.add_to(plan);
        } else {
            add_callback(plan, callback);
        }
    }

    template <class C>
    static auto save_member(State& state, const C& callback) -> void {
        if constexpr (Composite<C>) {
            callback.save_states(state);
        } else {
            save_callback(state, callback);
        }
    }

    template <class C>
    static auto load_member(const State& state, Session& session, C& callback) -> void {
        if constexpr (Composite<C>) {
            callback.load_states(state, session);
        } else {
            load_callback(state, session, callback);
        }
    }

    std::tuple<Cs...> members_;
    std::array<bool, sizeof...(Cs)> ready_ = {};
};

template <class... Cs>
CallbackList(Cs&&...) -> CallbackList<Cs...>;

}  // namespace nbm
