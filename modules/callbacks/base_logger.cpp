module nbm:callbacks.base_logger_impl;

import :callbacks.base_logger;
import :callbacks.contexts;
import :callbacks.logs;
import :io;
import :standard;

namespace nbm {

auto BaseLogger::setup(SetupInfo& info) -> void {
    cost_ = info.logs().declare({"cost", "nat", Better::neither});
    if (info.has_validation) { val_cost_ = info.logs().declare({"val_cost", "nat", Better::neither}); }
    seconds_ = info.logs().declare({"seconds", "s", Better::neither});
}

auto BaseLogger::on_epoch_begin(const EpochInfo&) -> void {
    sum_ = 0.0;
    rows_ = 0;
    validation_cost_.reset();
}

auto BaseLogger::on_epoch_end(EpochInfo& info) -> void {
    if (rows_ != 0) { info.logs().set(cost_, sum_ / static_cast<double>(rows_)); }
    if (validation_cost_) { info.logs().set(val_cost_, *validation_cost_); }
    info.logs().set(seconds_, info.seconds);
}

auto BaseLogger::save_state(State& state) const -> void {
    state.put("sum", sum_);
    state.put("rows", rows_);
}

auto BaseLogger::load_state(const State& state) -> void {
    sum_ = state.get<double>("sum");
    rows_ = state.get<std::size_t>("rows");
    validation_cost_.reset();
}

}  // namespace nbm
