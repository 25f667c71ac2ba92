module nbm:callbacks.machine_copy_impl;

import :callbacks.machine_copy;
import :io;
import :model;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

/// Calls f(name in states, parameter of a, parameter of b) for each.
template <class A, class B, class F>
auto each_parameter(A& a, B& b, F f) -> void {
    for (std::size_t l = 0; l != a.layer_count(); ++l) { f(fmt::format("bias {}", part_name(l)), a.bias(l), b.bias(l)); }
    for (std::size_t s = 0; s != a.synapses().size(); ++s) {
        f(fmt::format("weights {}", part_name(a.synapses()[s].edge)), a.synapses()[s].weights, b.synapses()[s].weights);
    }
}

template <Real T>
auto copy(const DBM<T>& from, DBM<T>& to) -> void {
    each_parameter(from, to, [](const auto&, const auto& a, auto& b) { std::copy_n(a.data(), a.size(), b.data()); });
}

}  // namespace

template <Real T>
auto MachineCopy::allocate(const DBM<T>& like) -> void {
    machine_.emplace<DBM<T>>(like.topology());
    filled_ = false;
}

template <Real T>
auto MachineCopy::take(const DBM<T>& from) -> void {
    copy(from, std::get<DBM<T>>(machine_));
    filled_ = true;
}

template <Real T>
auto MachineCopy::put_into(DBM<T>& to) const -> void {
    copy(std::get<DBM<T>>(machine_), to);
}

auto MachineCopy::save_state(State& state) const -> void {
    if (!filled_) { return; }
    std::visit(
        [&]<class M>(const M& machine) {
            if constexpr (!std::is_same_v<M, std::monostate>) {
                each_parameter(machine, machine, [&](const std::string& name, const auto& a, const auto&) { state.put(name, a); });
            }
        },
        machine_);
}

auto MachineCopy::load_state(const State& state) -> void {
    filled_ = !state.names().empty();
    if (!filled_) { return; }
    std::visit(
        [&]<class M>(M& machine) {
            if constexpr (!std::is_same_v<M, std::monostate>) {
                each_parameter(machine, machine, [&]<class P>(const std::string& name, P& a, P&) {
                    auto saved = state.get<P>(name);
                    if (saved.shape() != a.shape()) {
                        throw InputError(fmt::format("'{}' in the checkpoint has another shape than in the machine", name));
                    }
                    a = std::move(saved);
                });
            }
        },
        machine_);
}

template auto MachineCopy::allocate(const DBM<float>&) -> void;
template auto MachineCopy::allocate(const DBM<double>&) -> void;
template auto MachineCopy::take(const DBM<float>&) -> void;
template auto MachineCopy::take(const DBM<double>&) -> void;
template auto MachineCopy::put_into(DBM<float>&) const -> void;
template auto MachineCopy::put_into(DBM<double>&) const -> void;

}  // namespace nbm
