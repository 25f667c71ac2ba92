#include <cstdlib>
#include <cstring>

#include "kernels.hpp"

namespace nbm::kernels {

namespace {

struct Choice {
    const Kernels* kernels;
    const char* wrong;
};

Choice choose() {
    const auto* wish = std::getenv("NBM_ISA");
    auto best = Choice{&baseline_kernels, nullptr};
    const char* wrong = wish == nullptr ? nullptr : "names no instruction set; valid ones are baseline, avx2 and avx512";
    const Kernels* wanted = nullptr;
    const auto consider = [&](const Kernels& kernels, bool supported) {
        if (supported) { best.kernels = &kernels; }
        if (wish == nullptr || std::strcmp(wish, kernels.instruction_set) != 0) { return; }
        wrong = supported ? nullptr : "names an instruction set that this machine lacks";
        if (supported) { wanted = &kernels; }
    };
    consider(baseline_kernels, true);
#if defined(__x86_64__)
    __builtin_cpu_init();
    consider(avx2_kernels, __builtin_cpu_supports("x86-64-v3"));
    consider(avx512_kernels, __builtin_cpu_supports("x86-64-v4"));
#endif
    return {wanted != nullptr ? wanted : best.kernels, wrong};
}

const Choice& chosen() {
    static const auto choice = choose();
    return choice;
}

}  // namespace

const Kernels& active() { return *chosen().kernels; }
const char* wrong_choice() { return chosen().wrong; }

}  // namespace nbm::kernels
