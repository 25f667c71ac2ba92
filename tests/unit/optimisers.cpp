#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "helpers.hpp"
#include "oracle.hpp"

import nbm;

namespace {

/// Adam and Nadam for one parameter, written from the papers with all powers and products anew in each step.
struct Reference {
    bool nesterov;
    double rate;
    double beta1;
    double beta2;
    double epsilon;
    double schedule_decay;
    std::vector<double> gradients = {};
    double parameter = 0.0;

    double mu(std::size_t t) const {  // Dozat (2016); constant for Adam
        return nesterov ? beta1 * (1.0 - 0.5 * std::pow(0.96, double(t) * schedule_decay)) : beta1;
    }
    double product(std::size_t t) const {
        auto result = 1.0;
        for (std::size_t i = 1; i <= t; ++i) { result *= mu(i); }
        return result;
    }
    void step(double gradient, double decay) {
        gradients.push_back(gradient);
        const auto t = gradients.size();
        auto m = 0.0;
        auto v = 0.0;
        for (std::size_t i = 1; i <= t; ++i) {
            const auto g = gradients[i - 1];
            m = mu(i) * m + (1.0 - mu(i)) * g;
            v = beta2 * v + (1.0 - beta2) * g * g;
        }
        const auto v_hat = v / (1.0 - std::pow(beta2, double(t)));
        const auto m_hat = nesterov ? mu(t + 1) * m / (1.0 - product(t + 1)) + (1.0 - mu(t)) * gradient / (1.0 - product(t))
                                    : m / (1.0 - std::pow(beta1, double(t)));
        parameter += rate / (1.0 + decay * double(t - 1)) * m_hat / (std::sqrt(v_hat) + epsilon);
    }
};

template <class T>
using Both = std::tuple<nbm::Adam<T>, nbm::Nadam<T>>;

template <class O>
constexpr bool is_nadam = O::nesterov;

template <class T>
auto random_gradient(const nbm::DBM<T>& dbm, std::mt19937_64& engine) -> nbm::Gradient<T> {
    auto normal = std::normal_distribution<double>(0.1, 1.0);
    auto g = nbm::zero_parameters(dbm);
    for (auto& b : g.biases) {
        for (auto& x : b) { x = static_cast<T>(normal(engine)); }
    }
    for (auto& w : g.weights) {
        for (auto& x : w) { x = static_cast<T>(normal(engine) * 1e-4); }
    }
    return g;
}

template <class T>
auto same(const nbm::DBM<T>& a, const nbm::DBM<T>& b) -> bool {
    auto result = true;
    for (std::size_t l = 0; l != a.layer_count(); ++l) { result = result && a.bias(l) == b.bias(l); }
    for (std::size_t s = 0; s != a.synapses().size(); ++s) {
        result = result && a.synapses()[s].weights == b.synapses()[s].weights;
    }
    return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(updates_follow_the_papers, O, Both<double>) {
    // Large and small decays, so that the schedule, the corrections and epsilon all matter.
    for (const auto decay : {0.0, 0.01}) {
        for (const auto schedule_decay : {0.004, 2.0}) {
            auto options = std::remove_cvref_t<decltype(O().options())>{
                .learning_rate = 0.03, .beta1 = 0.8, .beta2 = 0.97, .epsilon = 1e-3, .decay = decay};
            if constexpr (is_nadam<O>) { options.schedule_decay = schedule_decay; }
            auto optimiser = O(options);
            auto dbm = nbm::DBM<double>({1, 1, 1});
            auto references = std::vector<Reference>(5, Reference{is_nadam<O>, 0.03, 0.8, 0.97, 1e-3, schedule_decay});
            auto engine = std::mt19937_64(5);
            for (std::size_t t = 0; t != 300; ++t) {
                BOOST_TEST(optimiser.iterations() == t);
                BOOST_TEST(optimiser.effective_learning_rate() == 0.03 / (1.0 + decay * double(t)),
                           boost::test_tools::tolerance(1e-14));
                const auto g = random_gradient(dbm, engine);
                optimiser.update(dbm, g);
                for (std::size_t l = 0; l != 3; ++l) {
                    references[l].step(g.biases[l][0], decay);
                    BOOST_TEST(dbm.bias(l)[0] == references[l].parameter, boost::test_tools::tolerance(1e-11));
                }
                for (std::size_t s = 0; s != 2; ++s) {
                    references[3 + s].step(g.weights[s](0, 0), decay);
                    BOOST_TEST(dbm.synapses()[s].weights(0, 0) == references[3 + s].parameter, boost::test_tools::tolerance(1e-11));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(defaults_are_those_of_the_papers_and_single_precision_follows, O, Both<float>) {
    const auto rate = is_nadam<O> ? 0.002 : 0.001;
    auto optimiser = O();
    auto dbm = nbm::DBM<float>({1, 1});
    auto bias = Reference{is_nadam<O>, rate, 0.9, 0.999, 1e-8, 0.004};
    auto weight = bias;
    auto engine = std::mt19937_64(6);
    for (std::size_t t = 0; t != 400; ++t) {
        const auto g = random_gradient(dbm, engine);
        optimiser.update(dbm, g);
        bias.step(double(g.biases[0][0]), 0.0);
        weight.step(double(g.weights[0](0, 0)), 0.0);
        // Each step is at most a few rates long and exact to some roundings of 6e-8.
        BOOST_TEST(std::abs(double(dbm.bias(0)[0]) - bias.parameter) < 2e-6 * rate * double(t + 1) + 1e-7);
        BOOST_TEST(std::abs(double(dbm.weights(0, 1)(0, 0)) - weight.parameter) < 2e-6 * rate * double(t + 1) + 1e-7);
    }
}

BOOST_AUTO_TEST_CASE(the_first_step_of_adam_has_the_length_of_the_rate) {
    auto dbm = nbm::DBM<float>({2, 1});
    auto g = nbm::zero_parameters(dbm);
    g.biases[0][0] = 1e-5F;
    g.biases[0][1] = -3e4F;
    nbm::Adam<float>({.learning_rate = 0.25}).update(dbm, g);
    BOOST_TEST(dbm.bias(0)[0] == 0.25F, boost::test_tools::tolerance(2e-3F));  // epsilon 1e-8 of 1e-5
    BOOST_TEST(dbm.bias(0)[1] == -0.25F, boost::test_tools::tolerance(1e-6F));
    BOOST_TEST(dbm.bias(1)[0] == 0.0F);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_saved_optimiser_goes_on_bit_by_bit, O, Both<float>) {
    for (const std::size_t steps : {0, 1, 2, 7}) {
        auto engine = std::mt19937_64(7);
        auto whole = nbm::DBM<float>({5, 4, 3});
        auto optimiser = O({.learning_rate = 0.02, .decay = 0.1});
        for (std::size_t t = 0; t != steps; ++t) { optimiser.update(whole, random_gradient(whole, engine)); }
        optimiser.set_learning_rate(0.015);
        auto state = nbm::State();
        optimiser.save_state(state);
        auto resumed = whole;
        auto other = O({.learning_rate = 0.02, .decay = 0.1});
        other.load_state(state);
        BOOST_TEST(other.iterations() == steps);
        BOOST_TEST(other.learning_rate() == 0.015);
        auto copy = engine;
        for (int t = 0; t != 5; ++t) {
            optimiser.update(whole, random_gradient(whole, engine));
            other.update(resumed, random_gradient(resumed, copy));
            BOOST_TEST(same(whole, resumed));
        }
    }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(updates_do_not_depend_on_threads, O, Both<float>) {
    auto reference = std::vector<nbm::DBM<float>>{};
    for (const std::size_t threads : {1, 2, 5}) {
        nbm::set_threads(threads);
        auto engine = std::mt19937_64(8);
        auto dbm = nbm::DBM<float>({300, 120, 70});
        auto optimiser = O();
        for (int t = 0; t != 3; ++t) { optimiser.update(dbm, random_gradient(dbm, engine)); }
        if (reference.empty()) { reference.push_back(dbm); }
        BOOST_TEST(same(dbm, reference[0]));
    }
    nbm::set_threads(0);
}

BOOST_AUTO_TEST_CASE(wrong_options_gradients_and_states_are_refused) {
    const auto nan = std::nan("");
    BOOST_TEST(
        has(message_of<nbm::InputError>([] { nbm::Adam<float>({.beta1 = 1.0}); }), "Adam: beta1 is 1; it must be at least 0"));
    BOOST_TEST(has(message_of<nbm::InputError>([] { nbm::Nadam<float>({.beta2 = -0.1}); }), "Nadam: beta2 is -0.1"));
    BOOST_CHECK_THROW(nbm::Adam<double>({.learning_rate = nan}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Adam<double>({.learning_rate = -1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Adam<double>({.epsilon = 0.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Adam<float>({.epsilon = 1e-60}), nbm::InputError);  // 0 in single precision
    BOOST_CHECK_THROW(nbm::Adam<double>({.decay = -1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Nadam<double>({.schedule_decay = -1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::Nadam<double>().set_learning_rate(nan), nbm::InputError);
    auto dbm = nbm::DBM<double>({2, 3});
    auto other = nbm::DBM<double>({3, 2});
    auto adam = nbm::Adam<double>();
    BOOST_TEST(has(message_of<nbm::ShapeError>([&] { adam.update(dbm, nbm::zero_parameters(other)); }), "Adam: the gradient"));
    BOOST_TEST(adam.iterations() == 0U);
    adam.update(dbm, nbm::zero_parameters(dbm));
    BOOST_CHECK_THROW(adam.update(other, nbm::zero_parameters(other)), nbm::ShapeError);
    auto state = nbm::State();
    nbm::SGD<double>().save_state(state);
    BOOST_TEST(has(message_of<nbm::InputError>([&] { adam.load_state(state); }), "optimiser 'sgd'; this training uses 'adam'"));
    state = nbm::State();
    adam.save_state(state);
    BOOST_TEST(has(message_of<nbm::InputError>([&] { nbm::Nadam<double>().load_state(state); }), "'adam'"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(callbacks_set_and_see_the_rate, O, Both<double>) {
    static_assert(nbm::HasHyper<nbm::Hyper::learning_rate, O> && !nbm::HasHyper<nbm::Hyper::momentum, O>);
    static_assert(nbm::Optimiser<O, double> && nbm::Stateful<O>);
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 4});
    const auto schedule = [](std::size_t epoch) { return 0.1 / double(1 + epoch); };
    auto optimiser = O({.decay = 0.5});
    auto dynamic = nbm::DynamicCallbackList<double>();
    dynamic.append(nbm::OptimizerSpy());
    const auto history = nbm::fit(dbm, data.train, nbm::CD<double>(), optimiser, {.epochs = 3, .batch_size = 7},
                                  nbm::CallbackList(nbm::LearningRateScheduler(schedule), dynamic));
    for (std::size_t e = 0; e != 3; ++e) {
        auto found = 0.0;
        for (std::size_t m = 0; m != history.metrics().size(); ++m) {
            BOOST_TEST(history.metrics()[m].name != "momentum");
            if (history.metrics()[m].name == "learning_rate") { found = *history.rows()[e].values[m]; }
        }
        const auto updates = double(e * (data.train.shape(0) / 7) + data.train.shape(0) / 7 - 1);  // before the epoch's last one
        BOOST_TEST(found == schedule(e) / (1.0 + 0.5 * updates), boost::test_tools::tolerance(1e-13));
    }
    BOOST_TEST(optimiser.learning_rate() == schedule(2));
}

BOOST_AUTO_TEST_CASE(class_templates_are_deduced) {
    auto dbm = nbm::DBM{{9, 4}};
    const auto data = nbm::bars_and_stripes<float>(3);
    nbm::fit(dbm, data.train, nbm::CD{{.gradient = {.centring = {.on = true}}}}, nbm::Adam{{.learning_rate = 0.01}}, {.epochs = 1});
    nbm::fit(dbm, data.train, nbm::PCD{}, nbm::Nadam{}, {.epochs = 1});
    BOOST_TEST(dbm.bias(0)[0] != 0.0F);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(training_learns_bars_and_stripes, O, Both<double>) {
    // 14 patterns: the best possible log-likelihood is -log 14 = -2.64; an untrained machine has about -6.2.
    const auto data = nbm::bars_and_stripes<double>(3);
    auto dbm = nbm::DBM<double>({9, 10});
    nbm::initialise(dbm, data.train, {.seed = 2, .weights = nbm::Weights::normal, .scale = 0.1});
    nbm::fit(dbm, data.train, nbm::PCD<double>({.steps = 5, .chains = 50, .gradient = {.centring = {.on = true}}}),
             O({.learning_rate = 0.01, .decay = 1e-3}), {.epochs = 4000, .batch_size = 14, .seed = 4});
    const auto truth = oracle::Machine(dbm);
    auto mean = -truth.log_z();
    const auto f = dbm.free_energy(data.train);
    for (const auto x : f) { mean -= x / double(f.size()); }
    BOOST_TEST(mean > -3.4);
    BOOST_TEST(mean < -std::log(14.0));
}
