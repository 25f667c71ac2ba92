export module nbm:callbacks.dynamic_list;

import :callbacks.any_run;
import :callbacks.concepts;
import :callbacks.contexts;
import :callbacks.plan;
import :callbacks.session;
import :callbacks.timing;
import :io;
import :standard;
import :tensor;

namespace nbm {

/// The contexts of a dynamic list: of the run itself where it is an AnyRun already, else made from the given one.
template <class Hook, Real T, class X>
auto erase_context(X& context) -> decltype(auto) {
    using Erased = typename Hook::template context<AnyRun<T>>;
    if constexpr (std::is_convertible_v<X*, const Erased*>) {
        return static_cast<Erased&>(const_cast<std::remove_const_t<X>&>(context));  // constness is restored for each stage
    } else {
        static_assert(std::is_same_v<T, typename X::run_type::value_type>,
                      "a DynamicCallbackList<T> serves the training of a DBM<T> of the same number type");
        struct Parts {
            AnyOptimiser optimiser;
            AnyTrainer<T> trainer;
            Erased context;
            Parts(const X& x)
                : optimiser(x.optimiser),
                  trainer(x.trainer),
                  context(x, AnyRun<T>{x.model, x.train, x.validation, optimiser, trainer}) {}
            operator Erased&() { return context; }
        };
        return Parts(context);
    }
}

}  // namespace nbm

export namespace nbm {

/// A callback of any class, owned or referred to, for machines over T: what a DynamicCallbackList holds. Move-only.
template <Real T>
class AnyCallback {
public:
    /// An rvalue is owned, an lvalue referred to. `id` replaces the callback's own where it is not empty. Fails to compile as
    /// CallbackList does for a class that is no callback or whose hook cannot be called.
    template <class C>
        requires(Callback<std::remove_reference_t<C>> && !std::same_as<std::remove_cvref_t<C>, AnyCallback>)
    explicit AnyCallback(C&& callback, std::string id = {}) : id_(std::move(id)) {
        using Class = std::remove_reference_t<C>;
        if constexpr (std::is_lvalue_reference_v<C>) {
            object_ = {&callback, [](void*) {}};
        } else {
            object_ = {new Class(std::forward<C>(callback)), [](void* object) { delete static_cast<Class*>(object); }};
        }
        table_ = &table_of<Class>;
    }

    auto id() const -> std::string { return id_.empty() ? table_->id(object_.get()) : id_; }

    using Function = Flow (*)(void* object, void* context, Timing* timing);
    struct Table {
        std::array<std::array<Function, stage_count>, hook::count> functions = {};  // null: no such hook in that stage
        std::array<Function, stage_count> teardown = {};                            // backwards, for lists
        std::array<Function, stage_count> exception = {};
        bool composite = false;
        Stage stage = Stage::produce;
        std::string (*id)(const void*) = nullptr;
        void (*add_to)(const void*, Plan&, const std::string&) = nullptr;
        void (*save)(const void*, State&, const std::string&) = nullptr;
        void (*load)(void*, const State&, Session&, const std::string&) = nullptr;
        Timing* (*as_timing)(void*) = nullptr;
    };
    auto table() const -> const Table& { return *table_; }
    auto object() const -> void* { return object_.get(); }
    auto own_id() const -> const std::string& { return id_; }

private:
    template <class Hook>
    using ContextOf = typename Hook::template context<AnyRun<T>>;

    template <class C, class Hook, Stage S>
    static auto call(void* object, void* context, Timing* timing) -> Flow {
        auto& callback = *static_cast<C*>(object);
        auto& x = *static_cast<ContextOf<Hook>*>(context);
        if constexpr (Composite<C>) {
            if (timing != nullptr) { return callback.template call_timed<Hook, S, S>(x, *timing); }
            return callback.template call<Hook, S, S>(x);
        } else {
            return call_hook<Hook>(callback, static_cast<Seen<C, ContextOf<Hook>>&>(x));
        }
    }

    template <class C, class Hook, Stage S>
    static auto call_reversed(void* object, void* context, Timing*) -> Flow {
        static_cast<C*>(object)->template call_reversed<Hook, S, S>(*static_cast<ContextOf<Hook>*>(context));
        return Flow::proceed;
    }

    template <class C, class Hook, Stage S>
    static constexpr auto find() -> Function {
        if constexpr (std::is_same_v<Hook, hook::SaveState> || std::is_same_v<Hook, hook::LoadState>) {
            return nullptr;
        } else if constexpr (Composite<C>) {
            if constexpr (C::template has<Hook, ContextOf<Hook>> || begins_anew<Hook, Stage::schedule>) { return call<C, Hook, S>; }
        } else {
            using X = Seen<C, ContextOf<Hook>>;
            Hook::template check<C, X>();
            if constexpr (S == stage_of<C> && Hook::template callable<C, X>) { return call<C, Hook, S>; }
        }
        return nullptr;
    }

    template <class C, class Hook, std::size_t... S>
    static constexpr auto find_all(std::index_sequence<S...>) -> std::array<Function, stage_count> {
        return {find<C, Hook, static_cast<Stage>(S)>()...};
    }

    template <class C>
    static constexpr auto make_table() -> Table {
        auto t = Table{};
        [&]<class... Hooks>(std::tuple<Hooks...>*) {
            ((t.functions[hook_index<Hooks>] = find_all<C, Hooks>(std::make_index_sequence<stage_count>{})), ...);
        }(static_cast<hook::All*>(nullptr));
        t.composite = Composite<C>;
        t.stage = stage_of<C>;
        t.id = [](const void* object) { return id_of(*static_cast<const C*>(object)); };
        if constexpr (Composite<C>) {
            [&]<std::size_t... S>(std::index_sequence<S...>) {
                ((t.teardown[S] = call_reversed<C, hook::Teardown, static_cast<Stage>(S)>), ...);
                ((t.exception[S] = call_reversed<C, hook::Exception, static_cast<Stage>(S)>), ...);
            }(std::make_index_sequence<stage_count>{});
            t.add_to = [](const void* object, Plan& plan, const std::string&) { static_cast<const C*>(object)->add_to(plan); };
            t.save = [](const void* object, State& state, const std::string&) {
                static_cast<const C*>(object)->save_states(state);
            };
            t.load = [](void* object, const State& state, Session& session, const std::string&) {
                static_cast<C*>(object)->load_states(state, session);
            };
        } else {
            t.teardown = t.functions[hook_index<hook::Teardown>];
            t.exception = t.functions[hook_index<hook::Exception>];
            t.add_to = [](const void* object, Plan& plan, const std::string& id) {
                add_callback(plan, *static_cast<const C*>(object), id);
            };
            t.save = [](const void* object, State& state, const std::string& id) {
                save_callback(state, *static_cast<const C*>(object), id);
            };
            t.load = [](void* object, const State& state, Session& session, const std::string& id) {
                load_callback(state, session, *static_cast<C*>(object), id);
            };
        }
        if constexpr (Measures<C>) {
            t.as_timing = [](void* object) -> Timing* { return static_cast<C*>(object); };
        }
        return t;
    }
    template <class C>
    static constexpr Table table_of = make_table<C>();

    std::unique_ptr<void, void (*)(void*)> object_ = {nullptr, [](void*) {}};
    const Table* table_ = nullptr;
    std::string id_;
};

/// Callbacks composed at run time, with the semantics of CallbackList. It is a callback itself, so lists nest either way, and its
/// members take part in the stages of the list that it is in. Each hook has a flat vector of calls: a hook that nobody has costs
/// one comparison, another one an indirect call for each callback that has it.
template <Real T = float>
class DynamicCallbackList {
public:
    static constexpr bool is_callback_list = true;
    template <class Hook>
    static constexpr bool present = true;
    template <class Hook, class X>
    static constexpr bool has = true;

    DynamicCallbackList() = default;

    /// Adds a callback at the end: an rvalue is owned, an lvalue referred to. Returns the callback in the list.
    template <class C>
        requires(Callback<std::remove_reference_t<C>>)
    auto append(C&& callback, std::string id = {}) -> std::remove_reference_t<C>& {
        append(AnyCallback<T>(std::forward<C>(callback), std::move(id)));
        return *static_cast<std::remove_reference_t<C>*>(members_.back().object());
    }
    auto append(AnyCallback<T> callback) -> void {
        members_.push_back(std::move(callback));
        ready_.push_back(false);
        const auto& member = members_.back();
        if (member.table().as_timing != nullptr) { timing_ = member.table().as_timing(member.object()); }
        for (std::size_t h = 0; h != hook::count; ++h) {
            for (std::size_t s = 0; s != stage_count; ++s) {
                if (const auto function = member.table().functions[h][s]; function != nullptr) {
                    const auto end = std::ranges::find_if(calls_[h], [s](const Call& call) { return call.stage > Stage(s); });
                    calls_[h].insert(end, {function, member.object(), members_.size() - 1, static_cast<Stage>(s)});
                }
            }
        }
    }

    auto size() const -> std::size_t { return members_.size(); }
    auto operator[](std::size_t place) const -> const AnyCallback<T>& { return members_[place]; }

    template <class Hook, Stage first = Stage::schedule, Stage last = Stage::persist, class X>
    auto call(X& context) -> Flow {
        auto none = NoTiming{};
        return call_timed<Hook, first, last>(context, none);
    }

    template <class Hook, Stage first, Stage last, class X, class Clock>
    auto call_timed(X& context, Clock& clock) -> Flow {
        constexpr auto is_setup = std::is_same_v<Hook, hook::Setup>;
        if constexpr (begins_anew<Hook, first>) { ready_.assign(members_.size(), false); }
        auto flow = Flow::proceed;
        if (!calls_[hook_index<Hook>].empty()) { flow = call_members<Hook, first, last>(context, timing_of(clock)); }
        if constexpr (is_setup) { mark_ready(first, last, members_.size()); }
        return flow;
    }

    template <class Hook, Stage first = Stage::schedule, Stage last = Stage::persist, class X>
    auto call_reversed(X& context) -> void {
        auto&& erased = erase_context<Hook, T>(context);
        auto& x = static_cast<typename Hook::template context<AnyRun<T>>&>(erased);
        for (auto s = static_cast<std::size_t>(last) + 1; s-- > static_cast<std::size_t>(first);) {
            for (auto m = members_.size(); m-- != 0;) {
                const auto& table = members_[m].table();
                const auto function = std::is_same_v<Hook, hook::Teardown> ? table.teardown[s] : table.exception[s];
                if (function == nullptr || (!ready_[m] && !table.composite)) { continue; }
                try {
                    function(members_[m].object(), &x, nullptr);
                } catch (...) { warn_of_failure(x, Hook::name, members_[m].id()); }
            }
        }
    }

    auto describe() const -> std::string {
        auto plan = Plan{};
        add_to(plan);
        return plan.describe();
    }
    auto add_to(Plan& plan) const -> void {
        for (const auto& member : members_) { member.table().add_to(member.object(), plan, member.own_id()); }
    }
    auto save_states(State& state) const -> void {
        for (const auto& member : members_) { member.table().save(member.object(), state, member.own_id()); }
    }
    auto load_states(const State& state, Session& session) -> void {
        for (const auto& member : members_) { member.table().load(member.object(), state, session, member.own_id()); }
    }

private:
    struct Call {
        typename AnyCallback<T>::Function function;
        void* object;
        std::size_t member;
        Stage stage;
    };

    template <class Clock>
    auto timing_of(Clock& clock) const -> Timing* {
        if constexpr (std::is_same_v<Clock, NoTiming>) {
            return timing_;
        } else {
            return timing_ != nullptr ? timing_ : &clock;
        }
    }

    template <class Hook, Stage first, Stage last, class X>
    auto call_members(X& context, Timing* timing) -> Flow {
        auto&& erased = erase_context<Hook, T>(context);
        auto& x = static_cast<typename Hook::template context<AnyRun<T>>&>(erased);
        auto* const argument = const_cast<void*>(static_cast<const void*>(&x));  // the function knows whether it is constant
        auto flow = Flow::proceed;
        for (const auto& call : calls_[hook_index<Hook>]) {
            if (call.stage < first || call.stage > last) { continue; }
            const auto& member = members_[call.member];
            try {
                auto answer = Flow::proceed;
                if (timing == nullptr || member.table().composite || member.table().as_timing != nullptr) {
                    answer = call.function(call.object, argument, timing);
                } else {
                    answer = measure(*timing, call.object, member.id(), Hook::name,
                                     [&] { return call.function(call.object, argument, timing); });
                }
                if constexpr (std::is_base_of_v<Info, typename Hook::template context<AnyRun<T>>>) {
                    if (!member.table().composite) {
                        if constexpr (std::is_same_v<Hook, hook::Setup>) { x.logs().name_producer(member.id()); }
                        if (answer != Flow::proceed) { x.attribute(answer, member.id()); }
                    }
                }
                flow = std::max(flow, answer);
                if constexpr (std::is_same_v<Hook, hook::Setup>) { ready_[call.member] = true; }
            } catch (...) {
                if constexpr (std::is_same_v<Hook, hook::Setup>) { mark_ready(first, call.stage, call.member); }
                throw_callback_error(Hook::name, member.id(), place_of(x));
            }
        }
        return flow;
    }

    /// Those without a setup hook are set up when it would be their turn: in earlier stages than `last`, or in it before `member`.
    auto mark_ready(Stage first, Stage last, std::size_t member) -> void {
        for (std::size_t m = 0; m != members_.size(); ++m) {
            const auto& setup = members_[m].table().functions[hook_index<hook::Setup>];
            const auto has_setup = std::ranges::any_of(setup, [](auto function) { return function != nullptr; });
            const auto stage = members_[m].table().stage;
            if (!has_setup && stage >= first && (stage < last || (stage == last && m < member))) { ready_[m] = true; }
        }
    }

    std::vector<AnyCallback<T>> members_;
    std::vector<bool> ready_;
    std::array<std::vector<Call>, hook::count> calls_;
    Timing* timing_ = nullptr;
};

}  // namespace nbm
