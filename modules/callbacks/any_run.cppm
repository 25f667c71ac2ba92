export module nbm:callbacks.any_run;

import :callbacks.contexts;
import :io;
import :model;
import :sampling;
import :standard;
import :tensor;

export namespace nbm {

/// A parameter of an optimiser that callbacks may change.
enum class Hyper : std::uint8_t { learning_rate, momentum };

template <Hyper h, class O>
concept HasHyper = (h == Hyper::learning_rate && requires(O& o, const O& c) {
                       { c.learning_rate() } -> std::convertible_to<double>;
                       o.set_learning_rate(1.0);
                   }) || (h == Hyper::momentum && requires(O& o, const O& c) {
                       { c.momentum() } -> std::convertible_to<double>;
                       o.set_momentum(1.0);
                   });

/// Can be saved in a checkpoint.
template <class S>
concept Stateful = requires(const S& saved, S& loaded, State& out, const State& in) {
    saved.save_state(out);
    loaded.load_state(in);
};

/// A trainer with chains that live from one update to the next.
template <class Tr, class T>
concept KeepsChains = Real<T> && requires(const Tr& trainer) {
    { trainer.chains() } -> std::convertible_to<const Chains<T>&>;
};

/// A trainer whose chains exchange states with replicas at other temperatures.
template <class Tr>
concept Tempered = requires(const Tr& trainer) {
    { trainer.ladder() } -> std::convertible_to<const Ladder&>;
};

/// A reference to an optimiser whose class is not known where it is used: what the callbacks of a DynamicCallbackList see. What the
/// optimiser lacks, throws InputError when it is asked for.
class AnyOptimiser {
public:
    template <class O>
        requires(!std::same_as<O, AnyOptimiser>)
    explicit AnyOptimiser(O& optimiser) : object_(&optimiser), table_(&table_of<O>) {}

    inline auto has(Hyper h) const -> bool {
        return (h == Hyper::learning_rate ? table_->learning_rate : table_->momentum) != nullptr;
    }
    auto learning_rate() const -> double;
    auto set_learning_rate(double rate) -> void;
    auto momentum() const -> double;
    auto set_momentum(double momentum) -> void;
    auto effective_learning_rate() const -> double;
    auto effective_momentum() const -> double;

    inline auto is_stateful() const -> bool { return table_->save != nullptr; }
    auto save_state(State& state) const -> void;
    auto load_state(const State& state) -> void;

private:
    using Get = double (*)(const void*);
    using Set = void (*)(void*, double);
    struct Table {
        Get learning_rate = nullptr;
        Set set_learning_rate = nullptr;
        Get momentum = nullptr;
        Set set_momentum = nullptr;
        Get effective_learning_rate = nullptr;
        Get effective_momentum = nullptr;
        void (*save)(const void*, State&) = nullptr;
        void (*load)(void*, const State&) = nullptr;
    };

    template <class O>
    static constexpr auto make_table() -> Table {
        auto t = Table{};
        if constexpr (HasHyper<Hyper::learning_rate, O>) {
            t.learning_rate = [](const void* o) { return double(static_cast<const O*>(o)->learning_rate()); };
            t.set_learning_rate = [](void* o, double x) { static_cast<O*>(o)->set_learning_rate(x); };
            t.effective_learning_rate = t.learning_rate;
        }
        if constexpr (HasHyper<Hyper::momentum, O>) {
            t.momentum = [](const void* o) { return double(static_cast<const O*>(o)->momentum()); };
            t.set_momentum = [](void* o, double x) { static_cast<O*>(o)->set_momentum(x); };
            t.effective_momentum = t.momentum;
        }
        if constexpr (requires(const O& o) { o.effective_learning_rate(); }) {
            t.effective_learning_rate = [](const void* o) { return double(static_cast<const O*>(o)->effective_learning_rate()); };
        }
        if constexpr (requires(const O& o) { o.effective_momentum(); }) {
            t.effective_momentum = [](const void* o) { return double(static_cast<const O*>(o)->effective_momentum()); };
        }
        if constexpr (Stateful<O>) {
            t.save = [](const void* o, State& state) { static_cast<const O*>(o)->save_state(state); };
            t.load = [](void* o, const State& state) { static_cast<O*>(o)->load_state(state); };
        }
        return t;
    }
    template <class O>
    static constexpr Table table_of = make_table<O>();

    void* object_;
    const Table* table_;
};

/// The same for a trainer.
template <Real T>
class AnyTrainer {
public:
    template <class Tr>
        requires(!std::same_as<Tr, AnyTrainer>)
    explicit AnyTrainer(Tr& trainer) : object_(&trainer) {
        if constexpr (KeepsChains<Tr, T>) {
            chains_ = [](const void* object) -> const Chains<T>* { return &static_cast<const Tr*>(object)->chains(); };
        }
        if constexpr (Tempered<Tr>) {
            ladder_ = [](const void* object) -> const Ladder* { return &static_cast<const Tr*>(object)->ladder(); };
        }
    }

    /// Null for a trainer that keeps no chains.
    inline auto chains() const -> const Chains<T>* { return chains_ == nullptr ? nullptr : chains_(object_); }
    /// Null for a trainer without tempering.
    inline auto ladder() const -> const Ladder* { return ladder_ == nullptr ? nullptr : ladder_(object_); }

private:
    const void* object_;
    const Chains<T>* (*chains_)(const void*) = nullptr;
    const Ladder* (*ladder_)(const void*) = nullptr;
};

/// The persistent chains of any trainer, or null.
template <Real T, class Tr>
auto chains_of(const Tr& trainer) -> const Chains<T>* {
    if constexpr (std::same_as<Tr, AnyTrainer<T>>) {
        return trainer.chains();
    } else if constexpr (KeepsChains<Tr, T>) {
        return &trainer.chains();
    } else {
        return nullptr;
    }
}

/// The temperatures of any trainer, or null.
template <Real T, class Tr>
auto ladder_of(const Tr& trainer) -> const Ladder* {
    if constexpr (std::same_as<Tr, AnyTrainer<T>>) {
        return trainer.ladder();
    } else if constexpr (Tempered<Tr>) {
        return &trainer.ladder();
    } else {
        return nullptr;
    }
}

/// The objects of a run whose optimiser and trainer are known at run time only.
template <Real T>
using AnyRun = Run<T, AnyOptimiser, AnyTrainer<T>>;

}  // namespace nbm
