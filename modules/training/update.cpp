module nbm:training.update;

import :model;
import :standard;
import :tensor;
import nbm.fmt;

// What optimisers share.
namespace nbm {

/// Throws InputError, naming the option, where one is outside its range.
struct RequireOption {
    std::string_view prefix;  // "SGD: "

    auto operator()(bool good, std::string_view name, double value, std::string_view range) const -> void {
        if (!good) { throw InputError(fmt::format("{}{} is {}; it must be {}", prefix, name, value, range)); }
    }
};

/// Throws ShapeError unless gradient and moments have a value for each parameter of the machine.
template <Real T>
auto require_shapes(std::string_view optimiser, const DBM<T>& dbm, std::initializer_list<const Parameters<T>*> all) -> void {
    for (const auto* values : all) {
        auto fits = values->biases.size() == dbm.layer_count() && values->weights.size() == dbm.synapses().size();
        for (std::size_t l = 0; fits && l != dbm.layer_count(); ++l) { fits = values->biases[l].size() == dbm.size(l); }
        for (std::size_t s = 0; fits && s != values->weights.size(); ++s) {
            fits = values->weights[s].shape() == dbm.synapses()[s].weights.shape();
        }
        if (!fits) {
            throw ShapeError(std::string(optimiser) + ": the gradient or the moments belong to a machine of another shape than " +
                             dbm.topology().describe());
        }
    }
}

/// Calls f(parameters, their gradient, their moments...) with spans that together cover all parameters; in parallel, for rows of
/// weights.
template <Real T, class F, class... Moments>
auto for_each_parameter(DBM<T>& dbm, const Gradient<T>& gradient, const F& f, Moments&... moments) -> void {
    for (std::size_t l = 0; l != dbm.layer_count(); ++l) {
        f(as_span(dbm.bias(l)), as_span(gradient.biases[l]), as_span(moments.biases[l])...);
    }
    for (std::size_t s = 0; s != gradient.weights.size(); ++s) {
        auto& weights = dbm.synapses()[s].weights;
        parallel_rows(weights.shape(0), [&](Rows rows) {
            for (auto r = rows.first; r != rows.first + rows.count; ++r) {
                f(MatrixView<T>(weights).row(r), MatrixView<const T>(gradient.weights[s]).row(r),
                  MatrixView<T>(moments.weights[s]).row(r)...);
            }
        });
    }
}

}  // namespace nbm
