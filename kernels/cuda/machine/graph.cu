/* k steps without the host: the first one as it comes, so that scratch has grown and every kernel
 * is loaded, the second one recorded as a CUDA graph, which all others replay. The graph is kept
 * from call to call. */
#include "cuda/machine/cuda.h"

enum {
    WINDOW = 32
}; /* steps: the host is at most two windows ahead, so that signals are seen in time */

void cuda_forget_step(gk_backend *be)
{
    cuda_record *kept = &cuda_state_of(be)->record;

    if (kept->graph) CU(be, cudaGraphExecDestroy(kept->graph));
    kept->graph = NULL;
}

static void record_step(gk_backend *be, void (*step)(void *context), void *context)
{
    cuda_state *s = cuda_state_of(be);
    cudaGraph_t graph = NULL;

    if (!CU(be, cudaStreamBeginCapture(s->stream, cudaStreamCaptureModeThreadLocal))) return;
    s->recording = true;
    step(context);
    s->recording = false;
    CU(be, cudaStreamEndCapture(s->stream,
                                &graph)); /* after an error, too: else the stream stays captured */
    if (!s->failed && CU(be, cudaGraphInstantiate(&s->record.graph, graph, 0))) {
        s->record.step = step;
        s->record.context = context;
    }
    if (graph) cudaGraphDestroy(graph);
}

/* Called at the end of a window: waits for the end of the one before the last. An event that was
 * never recorded is over. */
static void hold_back(gk_backend *be, int64_t window)
{
    cuda_state *s = cuda_state_of(be);
    cudaEvent_t end = s->record.window[window % 2];

    CU(be, cudaEventSynchronize(end));
    CU(be, cudaEventRecord(end, s->stream));
}

int64_t cuda_repeat(gk_backend *be, void (*step)(void *context), void *context, int64_t k)
{
    cuda_state *s = cuda_state_of(be);
    const cuda_record *kept = &s->record;
    int64_t done = 0;

    if (kept->graph && (kept->step != step || kept->context != context)) cuda_forget_step(be);
    while (done < k && !s->failed && !(done && gk_signal_seen())) {
        if (s->graphs && done && !kept->graph) record_step(be, step, context);
        if (kept->graph)
            CU(be, cudaGraphLaunch(kept->graph, s->stream));
        else if (!s->failed)
            step(context);
        done++;
        if (done % WINDOW == 0) hold_back(be, done / WINDOW);
    }
    return done;
}
