#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "helpers.hpp"

import nbm;

#include "resume.hpp"

namespace {

const auto nan_value = std::nan("");

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_are_clipped, T, decltype(std::tuple<float, double>{})) {
    auto logs = nbm::Logs();
    const auto clip = [&](nbm::Gradient<T> g, nbm::GradientClipOptions options) {
        auto info = nbm::GradientInfo<T>(nbm::BatchInfo(logs), g);
        nbm::GradientClip(options).on_gradient(info);
        return g;
    };
    const auto gradient = [](T a, T b, T c) {
        auto g = nbm::Gradient<T>{};
        g.biases.push_back(nbm::Vector<T>{a, T(0)});
        g.weights.push_back(nbm::Matrix<T>{{b, T(0)}, {T(0), c}});
        return g;
    };
    const auto same = [](const nbm::Gradient<T>& g, T a, T b, T c) {
        const auto close = [](T x, T y) { return std::abs(x - y) <= T(1e-6) * std::abs(y); };
        return close(g.biases[0][0], a) && close(g.weights[0](0, 0), b) && close(g.weights[0](1, 1), c) && g.biases[0][1] == T(0);
    };
    BOOST_TEST(same(clip(gradient(2, -5, 0.5), {.value = 1.0}), 1, -1, 0.5));
    BOOST_TEST(same(clip(gradient(2, -3, 6), {.norm = 3.5}), 1, -1.5, 3));
    BOOST_TEST((clip(gradient(2, -3, 6), {.norm = 7.5}).weights == gradient(2, -3, 6).weights));        // bit for bit
    BOOST_TEST(same(clip(gradient(6, -9, 4), {.value = 3.0, .norm = std::sqrt(27.0) / 3}), 1, -1, 1));  // the values first
    const auto huge = std::numeric_limits<T>::max() / 4;
    BOOST_TEST(same(clip(gradient(huge, -huge, 0), {.norm = std::sqrt(2.0)}), 1, -1, 0));
    const auto broken = clip(gradient(std::numeric_limits<T>::infinity(), 9, 9), {.value = 1.0, .norm = 1.0});
    BOOST_TEST(broken.weights[0](1, 1) == T(9));
    BOOST_TEST(std::isinf(broken.biases[0][0]));
    BOOST_CHECK_THROW(nbm::GradientClip({}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::GradientClip({.value = -1.0}), nbm::InputError);
    BOOST_CHECK_THROW(nbm::GradientClip({.norm = nan_value}), nbm::InputError);
}

BOOST_AUTO_TEST_CASE(clipped_gradients_are_what_the_optimiser_gets) {
    // The first update moves the parameters by rate times the gradient, whose norm is limited.
    const auto data = nbm::bars_and_stripes<double>(3);
    const auto distance = [&](auto&& list) {
        auto dbm = nbm::DBM<double>({9, 5});
        nbm::fit(dbm, data.train, nbm::CD<double>(), nbm::SGD<double>({.learning_rate = 2.0}), {.epochs = 1, .batch_size = 100},
                 list);
        auto squares = 0.0;
        for (const auto& layer : dbm.layers()) {
            for (const auto x : layer.bias) { squares += x * x; }
        }
        for (const auto w : dbm.weights(0, 1)) { squares += w * w; }
        return std::sqrt(squares);
    };
    BOOST_TEST(distance(nbm::CallbackList()) > 0.1);
    BOOST_TEST(distance(nbm::CallbackList(nbm::GradientClip({.norm = 0.01}))) == 0.02, boost::test_tools::tolerance(1e-12));
    auto list = nbm::DynamicCallbackList<double>();
    list.append(nbm::GradientClip({.norm = 0.01}));
    BOOST_TEST(distance(list) == 0.02, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(the_average_is_that_of_all_updates) {
    auto keeper = Keeper();
    auto average = nbm::WeightAverage({.decay = 0.75, .start_epoch = 2});
    auto run = TinyRun();
    run.fit(4, nbm::CallbackList(keeper, average));
    auto weights = keeper.updates.at(3).weights(0, 1);
    auto bias = keeper.updates.at(3).bias(1);
    for (std::size_t u = 4; u != keeper.updates.size(); ++u) {
        weights = 0.75 * weights + 0.25 * keeper.updates[u].weights(0, 1);
        bias = 0.75 * bias + 0.25 * keeper.updates[u].bias(1);
    }
    for (std::size_t i = 0; i != weights.size(); ++i) {
        BOOST_TEST(run.dbm.weights(0, 1).data()[i] == weights.data()[i], boost::test_tools::tolerance(1e-12));
    }
    for (std::size_t i = 0; i != bias.size(); ++i) {
        BOOST_TEST(run.dbm.bias(1)[i] == bias[i], boost::test_tools::tolerance(1e-12));
    }
    BOOST_TEST(same_weights(run.dbm, *average.average<double>()));
    BOOST_TEST((average.average<float>() == nullptr));
    // Without a past, it is the machine itself, bit for bit.
    auto plain = TinyRun();
    plain.fit(4, nbm::CallbackList(nbm::WeightAverage({.decay = 0.0})));
    BOOST_TEST(same_weights(plain.dbm, keeper.updates.back()));
    // A best machine that is to be restored comes after it.
    auto best = TinyRun();
    best.fit(4,
             nbm::CallbackList(nbm::EarlyStopping({.monitor = "val_cost", .mode = nbm::MonitorMode::higher, .restore_best = true}),
                               nbm::WeightAverage()));
    auto among = false;
    for (const auto& machine : keeper.epochs) { among = among || same_weights(best.dbm, machine); }
    BOOST_TEST(among);
    // A second training begins anew; one that ends too early has none.
    average = nbm::WeightAverage({.start_epoch = 3});
    auto early = TinyRun();
    early.fit(2, nbm::CallbackList(average));
    BOOST_TEST((average.average<double>() == nullptr));
    BOOST_TEST(same_weights(early.dbm, keeper.epochs.at(1)));
    BOOST_TEST(early.history.warnings().size() == 1U);
    for (const auto decay : {-0.1, 1.0, nan_value}) { BOOST_CHECK_THROW(nbm::WeightAverage({.decay = decay}), nbm::InputError); }
}

BOOST_AUTO_TEST_CASE(the_average_is_validated_and_training_goes_on_unchanged) {
    auto keeper = Keeper();
    auto plain = TinyRun();
    plain.fit(4, nbm::CallbackList(keeper));
    /// Looks at the machine that is validated.
    struct Look {
        std::vector<nbm::DBM<double>> seen;
        void on_validation_begin(const nbm::ModelContext<nbm::EpochInfo, double>& context) { seen.push_back(context.model); }
    };
    auto look = Look();
    auto average = nbm::WeightAverage({.decay = 0.5, .validate = true, .final = false});
    auto run = TinyRun();
    run.fit(4, nbm::CallbackList(look, average));
    BOOST_TEST(same_weights(run.dbm, plain.dbm));
    BOOST_TEST(same_weights(look.seen.at(3), *average.average<double>()));
    BOOST_TEST(!same_weights(look.seen.at(3), run.dbm));
    BOOST_TEST(run.history.last("val_cost").value() != plain.history.last("val_cost").value());
    // In some epochs only: never left in place.
    auto some = TinyRun();
    some.fit(4,
             nbm::CallbackList(nbm::Every({.before = 3, .at_end = true}, nbm::WeightAverage({.validate = true, .final = false}))));
    BOOST_TEST(same_weights(some.dbm, plain.dbm));
    // An exception while the average is in place.
    auto broken = TinyRun();
    auto thrower = nbm::Lambda{.on_validation_begin = [](const nbm::EpochInfo& info) {
        if (info.epoch == 2) { throw std::runtime_error("no more paper"); }
    }};
    BOOST_CHECK_THROW(broken.fit(4, nbm::CallbackList(nbm::WeightAverage({.validate = true}), thrower)), nbm::CallbackError);
    BOOST_TEST(same_weights(broken.dbm, keeper.epochs.at(2)));
    auto dynamic = nbm::DynamicCallbackList<double>();
    dynamic.append(thrower);
    dynamic.append(nbm::WeightAverage({.validate = true}));
    auto again = TinyRun();
    BOOST_CHECK_THROW(again.fit(4, dynamic), nbm::CallbackError);
    BOOST_TEST(same_weights(again.dbm, keeper.epochs.at(2)));
}

BOOST_AUTO_TEST_CASE(averages_resume_where_they_were) {
    check_resume(3, [](auto& list) { list.append(nbm::WeightAverage({.decay = 0.9, .start_epoch = 2, .validate = true})); });
}

BOOST_AUTO_TEST_CASE(lambdas_are_called_where_they_are_given) {
    auto log = std::vector<std::string>{};
    auto id = nbm::MetricId{};
    auto list =
        nbm::CallbackList(nbm::Lambda{.setup = [&](nbm::SetupInfo& info) { id = info.logs().declare({"mine"}); },
                                      .on_epoch_end =
                                          [&](nbm::EpochInfo& info) {
                                              info.logs().set(id, 7.0);
                                              log.push_back("end");
                                          }},
                          nbm::LambdaAt<nbm::Stage::control>{.name = "mine", .on_epoch_end = [&](const nbm::EpochInfo& info) {
                                                                 return info.epoch == 1 ? info.stop("enough") : nbm::Flow::proceed;
                                                             }});
    auto run = TinyRun();
    run.fit(5, list);
    BOOST_TEST(log.size() == 2U);
    BOOST_TEST(run.history.last("mine").value() == 7.0);
    BOOST_TEST(run.history.stop_reason() == "mine: enough");
    static_assert(!std::is_constructible_v<nbm::LambdaHook<const nbm::EpochInfo>, void (*)(nbm::EpochInfo&)>);
    // Empty functions are as none; others that are kept the same way are called.
    auto begun = 0;
    auto empty = TinyRun();
    empty.fit(1, nbm::CallbackList(nbm::Lambda{.setup = std::function<void(nbm::SetupInfo&)>(),
                                               .on_epoch_begin = std::function<nbm::Flow(const nbm::EpochInfo&)>(),
                                               .on_epoch_end = static_cast<void (*)(const nbm::EpochInfo&)>(nullptr)},
                                   nbm::Lambda{.on_train_begin = [](const nbm::TrainInfo&) {},
                                               .on_epoch_begin = std::function([&](const nbm::EpochInfo&) { ++begun; })}));
    BOOST_TEST(begun == 1);
    // Several without a name, and none with a state, in one checkpoint.
    check_resume(2, [](auto& dynamic) {
        dynamic.append(nbm::Lambda{.on_epoch_begin = [](const nbm::EpochInfo&) {}});
        dynamic.append(nbm::Lambda{});
    });
}
