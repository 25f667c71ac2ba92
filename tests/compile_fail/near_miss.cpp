// A member with the name of a hook that cannot be called as that hook.
import nbm;

struct Mine {
    static constexpr auto stage = nbm::Stage::record;
    void on_epoch_end(const nbm::BatchInfo&) {}
};

int main() {
    const auto data = nbm::bars_and_stripes<float>(2);
    auto dbm = nbm::DBM<float>({4, 2});
    nbm::fit(dbm, data.train, nbm::CD<float>(), nbm::SGD<float>(), {.epochs = 1}, nbm::CallbackList(Mine{}));
}
