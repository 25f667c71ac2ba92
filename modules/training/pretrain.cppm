export module nbm:training.pretrain;

import :callbacks;
import :estimators;
import :model;
import :standard;
import :tensor;
import :training.fit;
import :training.fit_options;
import :training.penalty;

export namespace nbm {

/// One of the RBMs that pretrain() trains. A doubled layer is there twice, with the same parameters: units 0 ... n - 1 and
/// n ... 2 n - 1.
struct PretrainedRBM {
    std::size_t index = 0;  // from 0 at the visible layer
    std::size_t count = 0;  // of all of them
    Edge edge = {0, 1};     // the layers of the deep machine that it joins
    bool doubled_visible = false;
    bool doubled_hidden = false;
};

/// The RBMs for a machine. Throws InputError, as pretrain() does, unless its layers are a chain.
auto pretrained_rbms(const Topology& topology) -> std::vector<PretrainedRBM>;

template <Real T>
struct PretrainOptions {
    std::size_t epochs = 10;                // of each RBM
    std::size_t batch_size = 100;           // rows an update
    const Matrix<T>* validation = nullptr;  // [rows, visible], evaluated after each epoch, for each RBM as its input
    bool shuffle = true;                    // anew in each epoch
    Penalty penalty = {};
    std::uint64_t seed = 1;     // each RBM gets random numbers of its own
    std::stop_token stop = {};  // asked after each batch
    std::function<void(std::string_view)> on_warning = print_warning;
};

/// The deep machine of RBMs that were trained one on the other, each layer's number of units being the hidden one of one RBM and
/// the visible one of the next; doubled layers are given as one copy. Throws InputError when they do not fit together.
///
/// RBM l of L joins the layers l - 1 and l, with weights W_l, visible biases a_l and hidden biases c_l. So there are two models of
/// a hidden layer l < L: from below, with the field c_l + m x^(l-1) W_l, m = 2 where the visible layer was doubled (l = 1) and else
/// 1; and from above, a_(l+1) + k x^(l+1) W_(l+1)^T, k = 2 where the hidden layer of RBM l + 1 was doubled (l + 1 = L) and else 1.
/// The normalised geometric mean of two Bernoulli distributions has the mean of their logits, so the DBM's field is (c_l + a_(l+1))
/// / 2
/// + m/2 x^(l-1) W_l + k/2 x^(l+1) W_(l+1)^T: biases that two RBMs share are averaged, the first and last weights stay, those
/// between are halved. The visible layer and the top keep their conditionals, which see one copy: a_1 + W_1 x^1, c_L + x^(L-1) W_L.
/// A single RBM stays as it is.
template <Real T>
auto compose_dbm(const std::vector<DBM<T>>& rbms) -> DBM<T>;

}  // namespace nbm

namespace nbm {

/// Throws before anything is trained, in terms of the deep machine.
template <Real T>
auto check_pretrain(const DBM<T>& dbm, const Matrix<T>& train, const FitOptions<T>& options) -> void;

/// The RBM before its training: weights and hidden biases are those of the deep machine, the visible biases, too, at the bottom and
/// else the logits of its data's means.
template <Real T>
auto begin_rbm(const DBM<T>& dbm, const PretrainedRBM& part, const Matrix<T>& data) -> DBM<T>;

/// A trained RBM with one copy of each layer. Throws Cancelled, or InputError when a parameter is not finite.
template <Real T>
auto finish_rbm(const DBM<T>& rbm, const PretrainedRBM& part, Outcome outcome) -> DBM<T>;

/// [v, v] for each row.
template <Real T>
auto twice(const Matrix<T>& data) -> Matrix<T>;

/// v <- p(h = 1 | v) for each row.
template <Real T>
auto replace_by_hidden_means(const DBM<T>& rbm, Matrix<T>& data) -> void;

/// Keeps the copies of a doubled layer equal: all parameters of which there are two get the mean of their gradients, and an
/// optimiser that treats equal elements equally does the rest. The derivative of the tied model's log-likelihood is the sum, twice
/// as much; with the mean, a learning rate means the same for all RBMs. Last, so that it has the last word on the gradient.
template <Real T>
struct TiedCopies {
    static constexpr auto stage = Stage::persist;
    static constexpr std::string_view kind = "tied_copies";
    PretrainedRBM part;

    auto on_gradient(const GradientInfo<T>& info) const -> void;
};

auto seed_of(std::uint64_t seed, std::size_t index) -> std::uint64_t;

/// What an RBM is trained with: what is made for it, or a copy of the given object.
template <class Source>
auto made_for(Source& source, const PretrainedRBM& part) {
    if constexpr (std::is_invocable_v<Source&, const PretrainedRBM&>) {
        return source(part);
    } else {
        return source;
    }
}

template <class Source>
using MadeFor = decltype(made_for(std::declval<Source&>(), std::declval<const PretrainedRBM&>()));

/// Callbacks are made, or the given ones are used for all RBMs.
template <class Source>
auto callbacks_for(Source& source, const PretrainedRBM& part) -> decltype(auto) {
    if constexpr (std::is_invocable_v<Source&, const PretrainedRBM&>) {
        return source(part);
    } else {
        return (source);
    }
}

}  // namespace nbm

export namespace nbm {

/// Greedy layer-wise pretraining of a chain of layers (Salakhutdinov and Hinton 2009), from the machine's weights as initialise()
/// made them. Trains an RBM for each pair of neighbours, the hidden probabilities of one being the data of the next, and composes
/// the machine of them: see compose_dbm(). So that each layer lacks no input later, the first RBM sees two copies of the data, with
/// tied weights, and the last one has two copies of its hidden layer. A machine of two layers is simply trained.
///
/// `trainer`, `optimiser` and `callbacks` are as for fit(); each RBM is trained by a copy of the first two, while callbacks serve
/// all in turn. In place of each, a function of a PretrainedRBM may make one for it: called before the RBM is trained, it can tell
/// the user, too. A callback that stops a training ends it for that RBM only. Returns the history of each RBM, the lowest first.
/// The same seed gives the same weights for any number of threads. Holds a second, doubled copy of the data.
///
/// Throws InputError or ShapeError before anything is trained, InputError when a training diverges, and Cancelled after a stop
/// request; the machine is as it was then.
template <Real T, class TrainerSource, class OptimiserSource, class CallbackSource = CallbackList<>>
    requires Trainer<MadeFor<TrainerSource>, T> && Optimiser<MadeFor<OptimiserSource>, T>
auto pretrain(DBM<T>& dbm, const std::type_identity_t<Matrix<T>>& train, TrainerSource&& trainer, OptimiserSource&& optimiser,
              const PretrainOptions<T>& options = {}, CallbackSource&& callbacks = CallbackSource{}) -> std::vector<History> {
    auto fit_options = FitOptions<T>{.epochs = options.epochs,
                                     .batch_size = options.batch_size,
                                     .validation = options.validation,
                                     .shuffle = options.shuffle,
                                     .penalty = options.penalty,
                                     .stop = options.stop,
                                     .on_warning = options.on_warning};
    check_pretrain(dbm, train, fit_options);
    const auto* data = &train;
    auto own_data = Matrix<T>{};
    auto own_validation = Matrix<T>{};
    auto histories = std::vector<History>{};
    auto rbms = std::vector<DBM<T>>{};
    for (const auto& part : pretrained_rbms(dbm.topology())) {
        if (part.doubled_visible) {
            own_data = twice(train);
            data = &own_data;
            if (options.validation != nullptr) {
                own_validation = twice(*options.validation);
                fit_options.validation = &own_validation;
            }
        }
        auto rbm = begin_rbm(dbm, part, *data);
        auto own_trainer = made_for(trainer, part);
        auto own_optimiser = made_for(optimiser, part);
        auto&& own_callbacks = callbacks_for(callbacks, part);
        fit_options.seed = seed_of(options.seed, part.count == 1 ? 0 : part.index + 1);
        histories.push_back(
            fit(rbm, *data, own_trainer, own_optimiser, fit_options, CallbackList(own_callbacks, TiedCopies<T>{part})));
        rbms.push_back(finish_rbm(rbm, part, histories.back().outcome()));
        if (part.index + 1 != part.count) {
            replace_by_hidden_means(rbm, own_data);
            if (options.validation != nullptr) { replace_by_hidden_means(rbm, own_validation); }
        }
    }
    dbm = compose_dbm(rbms);
    return histories;
}

}  // namespace nbm
