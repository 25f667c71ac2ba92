module nbm:callbacks.any_run_impl;

import :callbacks.any_run;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

template <class Function>
auto require(Function function, std::string_view what) -> Function {
    if (function == nullptr) { throw InputError(fmt::format("this optimiser has no {}", what)); }
    return function;
}

}  // namespace

auto AnyOptimiser::learning_rate() const -> double { return require(table_->learning_rate, "learning rate")(object_); }
auto AnyOptimiser::set_learning_rate(double rate) -> void { require(table_->set_learning_rate, "learning rate")(object_, rate); }
auto AnyOptimiser::momentum() const -> double { return require(table_->momentum, "momentum")(object_); }
auto AnyOptimiser::set_momentum(double momentum) -> void { require(table_->set_momentum, "momentum")(object_, momentum); }
auto AnyOptimiser::effective_learning_rate() const -> double {
    return require(table_->effective_learning_rate, "learning rate")(object_);
}
auto AnyOptimiser::effective_momentum() const -> double { return require(table_->effective_momentum, "momentum")(object_); }
auto AnyOptimiser::save_state(State& state) const -> void { require(table_->save, "state that can be saved")(object_, state); }
auto AnyOptimiser::load_state(const State& state) -> void { require(table_->load, "state that can be loaded")(object_, state); }

}  // namespace nbm
