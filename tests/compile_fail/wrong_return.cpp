// true could mean stop or go on.
import nbm;

struct Mine {
    static constexpr auto stage = nbm::Stage::record;
    bool on_epoch_end(const nbm::EpochInfo&) { return true; }
};

int main() {
    const auto data = nbm::bars_and_stripes<float>(2);
    auto dbm = nbm::DBM<float>({4, 2});
    nbm::fit(dbm, data.train, nbm::CD<float>(), nbm::SGD<float>(), {.epochs = 1}, nbm::CallbackList(Mine{}));
}
