export module nbm:callbacks.plan;

import :callbacks.concepts;
import :callbacks.contexts;
import :callbacks.session;
import :io;
import :standard;
import :tensor;

export namespace nbm {

/// A hook threw: what() names the callback, the hook, the epoch and the batch; the original exception is nested in it.
class CallbackError : public Error, public std::nested_exception {
public:
    CallbackError(std::string_view hook, std::string_view callback, std::string_view place, std::string_view problem);
    inline auto hook() const -> std::string_view { return hook_; }
    inline auto callback() const -> const std::string& { return callback_; }

private:
    std::string_view hook_;
    std::string callback_;
};

/// Which callbacks each hook calls, in order: what describe() of a list prints.
class Plan {
public:
    inline auto add(std::size_t hook, Stage stage, std::string callback) -> void {
        calls_[hook][static_cast<std::size_t>(stage)].push_back(std::move(callback));
    }
    auto describe() const -> std::string;

private:
    std::array<std::array<std::vector<std::string>, stage_count>, hook::count> calls_;
};

}  // namespace nbm

// What the static and the dynamic list have in common.
namespace nbm {

/// Rethrows the exception in flight as CallbackError, once.
[[noreturn]] auto throw_callback_error(std::string_view hook, const std::string& callback, const std::string& place) -> void;

/// A sentence about the exception in flight.
auto describe_failure(std::string_view hook, const std::string& callback) -> std::string;

/// The same as a warning; an exception of the user's on_warning is dropped.
auto warn_of_failure(const Info& info, std::string_view hook, const std::string& callback) -> void;

/// Nobody is set up yet when the first stage of these hooks is called.
template <class Hook, Stage first>
inline constexpr bool begins_anew =
    (std::is_same_v<Hook, hook::Setup> || std::is_same_v<Hook, hook::SetParams>) && first == Stage::schedule;

auto describe_place(std::size_t epoch, bool has_batch, std::size_t batch) -> std::string;

/// "epoch 3, batch 7", as far as the context knows.
template <class X>
auto place_of(const X& context) -> std::string {
    if constexpr (requires { context.batch; }) {
        return describe_place(context.epoch, true, context.batch);
    } else if constexpr (requires { context.epoch; }) {
        return describe_place(context.epoch, false, 0);
    } else {
        return {};
    }
}

/// After a hook has returned: whose stop or whose metrics these are.
template <class Hook, class C, class X>
constexpr auto finish_call(const C& callback, X& context, Flow flow) -> Flow {
    if constexpr (std::is_base_of_v<Info, std::remove_const_t<X>>) {
        if constexpr (std::is_same_v<Hook, hook::Setup> && !std::is_const_v<X>) { context.logs().name_producer(id_of(callback)); }
        if (flow != Flow::proceed) { context.attribute(flow, id_of(callback)); }
    }
    return flow;
}

/// The id given to a callback from outside, or its own.
template <class C>
auto id_or(const std::string& id, const C& callback) -> std::string {
    return id.empty() ? id_of(callback) : id;
}

template <class C>
auto add_callback(Plan& plan, const C& callback, const std::string& id = {}) -> void {
    [&]<class... Hooks>(std::tuple<Hooks...>*) {
        ((Hooks::template present<C> ? plan.add(hook_index<Hooks>, stage_of<C>, id_or(id, callback)) : void()), ...);
    }(static_cast<hook::All*>(nullptr));
}

/// Throws InputError when the id is taken.
auto new_state(State& all, const std::string& id) -> State&;
auto warn_missing_state(Session& session, const std::string& id) -> void;

template <class C>
auto save_callback(State& all, const C& callback, const std::string& id = {}) -> void {
    static_assert(hook::SaveState::present<C> == hook::LoadState::present<C>,
                  "a callback with one of save_state and load_state needs the other one");
    if constexpr (hook::SaveState::present<C>) {
        static_assert(hook::SaveState::callable<const C, State>,
                      "save_state must be callable as: void save_state(nbm::State&) const");
        call_hook<hook::SaveState>(callback, new_state(all, id_or(id, callback)));
    }
}

template <class C>
auto load_callback(const State& all, Session& session, C& callback, const std::string& given_id = {}) -> void {
    if constexpr (hook::LoadState::present<C>) {
        static_assert(hook::LoadState::callable<C, const State>,
                      "load_state must be callable as: void load_state(const nbm::State&)");
        const auto id = id_or(given_id, callback);
        if (!all.has_child(id)) {
            warn_missing_state(session, id);
            return;
        }
        try {
            call_hook<hook::LoadState>(callback, all.child(id));
        } catch (...) { throw_callback_error(hook::LoadState::name, id, {}); }
    }
}

}  // namespace nbm
