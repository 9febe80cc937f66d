/* Kernel launches: what they ask for is checked as the runtime checks it, then block after block
 * runs. */
#include "state.h"

#include <algorithm>
#include <map>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace gk_shim
{

enum gk_shim_order order;
static uint64_t random_state;
static int64_t launches_to_failure; /* 0: none is planned */
static enum gk_shim_failure planned;

static std::map<const void *, int> &shared_allowed() /* by cudaFuncSetAttribute */
{
    static std::map<const void *, int> bytes;

    return bytes;
}

/* splitmix64 (Steele, Lea & Flood 2014) */
uint64_t random_below(uint64_t n)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

void (*run_launch)(const kernel_launch &l, const std::vector<uint3> &blocks);

void reset_launches() { launches_to_failure = 0; }

static std::vector<uint3> indices(dim3 n)
{
    std::vector<uint3> all;

    all.reserve((size_t)n.x * n.y * n.z);
    for (unsigned z = 0; z < n.z; z++)
        for (unsigned y = 0; y < n.y; y++)
            for (unsigned x = 0; x < n.x; x++) all.push_back({x, y, z});
    return all;
}

static std::vector<uint3> blocks_in_order(dim3 grid)
{
    std::vector<uint3> blocks = indices(grid);

    if (order == GK_SHIM_REVERSE) std::reverse(blocks.begin(), blocks.end());
    for (size_t i = blocks.size(); order == GK_SHIM_RANDOM && i > 1; i--)
        std::swap(blocks[i - 1], blocks[random_below(i)]);
    return blocks;
}

static void run(const kernel_launch &l)
{
    std::vector<uint3> threads = indices(l.block);

    counts.launches++;
    gridDim = l.grid;
    blockDim = l.block;
    if (run_launch) {
        run_launch(l, blocks_in_order(l.grid));
        check_guards(l.name);
        return;
    }
    for (uint3 block : blocks_in_order(l.grid)) {
        if (failed()) return;
        blockIdx = block;
        run_block(l, threads);
    }
    check_guards(l.name);
}

static cudaError_t refuse(const kernel_launch &l)
{
    uint64_t threads = (uint64_t)l.block.x * l.block.y * l.block.z;
    auto allowed = shared_allowed().find(l.kernel);
    size_t most = allowed == shared_allowed().end() ? SHARED_DEFAULT : allowed->second;

    if (threads < 1 || threads > THREADS_MOST || l.block.z > 64)
        return cudaErrorInvalidConfiguration;
    if (!l.grid.x || !l.grid.y || !l.grid.z || l.grid.x > INT32_MAX || l.grid.y > UINT16_MAX ||
        l.grid.z > UINT16_MAX)
        return cudaErrorInvalidConfiguration;
    return l.smem > most ? cudaErrorInvalidValue : cudaSuccess;
}

void launch(cudaStream_t stream, kernel_launch l)
{
    cudaError_t error = refuse(l);
    bool fails = launches_to_failure && --launches_to_failure == 0;

    if (error == cudaSuccess && fails && planned == GK_SHIM_NO_IMAGE)
        error = cudaErrorNoKernelImageForDevice;
    if (error != cudaSuccess) {
        answer(error);
        return;
    }
    submit(stream, [l = std::move(l), fails] {
        if (fails)
            problem(cudaErrorLaunchFailure, "%s was told to fail", l.name);
        else
            run(l);
    });
}

void check_argument(const char *kernel, int i, const void *pointer)
{
    if (pointer && !on_device(pointer, 0))
        problem(cudaErrorIllegalAddress, "argument %d of %s points to no device memory", i, kernel);
}

} // namespace gk_shim

using namespace gk_shim;

void gk_shim_set_order(enum gk_shim_order new_order, uint64_t seed)
{
    order = new_order;
    random_state = seed;
}

void gk_shim_fail_launch(int64_t launch, enum gk_shim_failure how)
{
    launches_to_failure = launch;
    planned = how;
}

cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute, int value)
{
    if (value < 0 || value > SHARED_MOST) return answer(cudaErrorInvalidValue);
    shared_allowed()[kernel] = value;
    return answer(cudaSuccess);
}
