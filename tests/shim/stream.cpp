/* Streams and graphs. What is enqueued runs at once; while a stream is capturing it is recorded
 * instead, with arguments as they are now, and graphs run the records. As on the device, a call
 * that could wait for the stream makes the capture void. */
#include "state.h"

struct CUstream_st {
    bool capturing, valid;
    cudaStreamCaptureMode mode;
    std::vector<std::function<void()>> records;
};

struct CUgraph_st {
    std::vector<std::function<void()>> records;
};

struct CUgraphExec_st {
    std::vector<std::function<void()>> records;
};

struct CUevent_st {
};

namespace gk_shim
{

static cudaStream_t recorder; /* the stream that is capturing */

static cudaError_t spoil(cudaError_t error)
{
    recorder->valid = false;
    return answer(error);
}

bool spoils_capture(bool relaxed_too)
{
    if (!recorder || (recorder->mode == cudaStreamCaptureModeRelaxed && !relaxed_too)) return false;
    spoil(cudaErrorStreamCaptureUnsupported);
    return true;
}

cudaError_t submit(cudaStream_t stream, std::function<void()> work)
{
    if (stream && stream == recorder) {
        recorder->records.push_back(std::move(work));
        return answer(cudaSuccess);
    }
    if (!stream && recorder) return spoil(cudaErrorStreamCaptureImplicit);
    if (!failed()) {
        device_access access;

        work();
    }
    return answer(cudaSuccess);
}

} // namespace gk_shim

using namespace gk_shim;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned)
{
    *stream = new CUstream_st();
    counts.streams++;
    return answer(cudaSuccess);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    if (!stream) return answer(cudaErrorInvalidResourceHandle);
    if (stream == recorder) recorder = nullptr;
    delete stream;
    counts.streams--;
    return answer(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    if (stream == recorder && spoils_capture(true)) return cudaErrorStreamCaptureUnsupported;
    return answer_waited();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    if (!stream) return answer(cudaErrorStreamCaptureUnsupported);
    if (recorder) return answer(cudaErrorIllegalState);
    recorder = stream;
    stream->valid = true;
    stream->mode = mode;
    stream->records.clear();
    return answer(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    *graph = nullptr;
    if (!stream || stream != recorder) return answer(cudaErrorIllegalState);
    recorder = nullptr;
    if (!stream->valid) return answer(cudaErrorStreamCaptureInvalidated);
    *graph = new CUgraph_st{std::move(stream->records)};
    counts.graphs++;
    return answer(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    *exec = nullptr;
    if (!graph) return answer(cudaErrorInvalidValue);
    *exec = new CUgraphExec_st{graph->records};
    counts.graphs++;
    return answer(cudaSuccess);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    if (!exec) return answer(cudaErrorInvalidValue);
    return submit(stream, [records = exec->records] {
        counts.replays++;
        for (const auto &work : records)
            if (!failed()) work();
    });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    counts.graphs--;
    return answer(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    delete exec;
    counts.graphs--;
    return answer(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    *event = new CUevent_st();
    counts.events++;
    return answer(cudaSuccess);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    delete event;
    counts.events--;
    return answer(cudaSuccess);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    if (!event) return answer(cudaErrorInvalidResourceHandle);
    return submit(stream, [] {});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    if (!event) return answer(cudaErrorInvalidResourceHandle);
    return answer_waited(); /* whatever was enqueued before it is over */
}
