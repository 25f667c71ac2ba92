// A data member with the name of a hook.
import nbm;

struct Mine {
    static constexpr auto stage = nbm::Stage::record;
    void on_epoch_begin(const nbm::EpochInfo&) {}
    int on_epoch_end = 0;
};

int main() {
    const auto data = nbm::bars_and_stripes<float>(2);
    auto dbm = nbm::DBM<float>({4, 2});
    nbm::fit(dbm, data.train, nbm::CD<float>(), nbm::SGD<float>(), {.epochs = 1}, nbm::CallbackList(Mine{}));
}
