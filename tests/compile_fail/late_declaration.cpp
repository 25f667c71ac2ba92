// A recorder that declares metrics.
import nbm;

struct Mine {
    static constexpr auto stage = nbm::Stage::record;
    void setup(nbm::SetupInfo& info) { info.logs().declare({"late"}); }
};

int main() {
    const auto data = nbm::bars_and_stripes<float>(2);
    auto dbm = nbm::DBM<float>({4, 2});
    nbm::fit(dbm, data.train, nbm::CD<float>(), nbm::SGD<float>(), {.epochs = 1}, nbm::CallbackList(Mine{}));
}
