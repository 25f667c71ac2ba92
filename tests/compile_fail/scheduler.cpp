// A schedule for a parameter that the optimiser lacks.
import nbm;

struct Fixed {
    void update(nbm::DBM<float>&, const nbm::Gradient<float>&) {}
};

int main() {
    const auto data = nbm::bars_and_stripes<float>(2);
    auto dbm = nbm::DBM<float>({4, 2});
    nbm::fit(dbm, data.train, nbm::CD<float>(), Fixed{}, {.epochs = 1},
             nbm::CallbackList(nbm::LearningRateScheduler([](unsigned long) { return 0.1; })));
}
