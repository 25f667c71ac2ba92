// A monitor of exchanges for a trainer without replicas.
import nbm;

int main() {
    const auto data = nbm::bars_and_stripes<float>(2);
    auto dbm = nbm::DBM<float>({4, 2});
    nbm::fit(dbm, data.train, nbm::PCD<float>(), nbm::SGD<float>(), {.epochs = 1}, nbm::CallbackList(nbm::TemperingMonitor()));
}
