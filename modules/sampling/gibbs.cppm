export module nbm:sampling.gibbs;

import :model;
import :sampling.chains;
import :standard;
import :tensor;

export namespace nbm {

/// Block Gibbs sampling: each sweep draws the layers of one parity given the other, then the reverse.
class Gibbs {
public:
    inline explicit Gibbs(SamplerOptions options = {}) : options_(std::move(options)) {}

    /// Advances all chains by options.steps sweeps. Throws ShapeError or InputError.
    template <Real T>
    auto run(const DBM<T>& dbm, Chains<T>& chains) const -> void;

    inline auto options() const -> const SamplerOptions& { return options_; }

private:
    SamplerOptions options_;
};

/// Gibbs sampling that also keeps the conditional probabilities of the last draw of each layer. The chains hold samples throughout;
/// after a run the probabilities of the parity updated last are those given the *sample* of the other parity, which is what
/// gradient statistics may use (Hinton 2012, section 3).
class GibbsProb {
public:
    inline explicit GibbsProb(SamplerOptions options = {}) : options_(std::move(options)) {}

    /// Advances the chains; probabilities[l]: [chains, units]. Clamped layers' probabilities are their states.
    template <Real T>
    auto run(const DBM<T>& dbm, Chains<T>& chains, States<T>& probabilities) const -> void;

    inline auto options() const -> const SamplerOptions& { return options_; }

private:
    SamplerOptions options_;
};

}  // namespace nbm
