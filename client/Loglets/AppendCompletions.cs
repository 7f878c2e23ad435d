using System.Diagnostics;
using Delos.Protocol.Framing;
using Microsoft.Extensions.Logging;

namespace Delos.Client.Loglets;

/// <summary>
/// Delivers the outcomes of appends in order, one at a time, without a lock held, whichever threads bring them: who finds nobody delivering delivers for all. Allocates nothing in steady state.
/// </summary>
/// <param name="gate">The owner's lock, under which outcomes are added, and which orders them.</param>
/// <param name="logger">Where broken callbacks are told.</param>
internal sealed class AppendCompletions(Lock gate, ILogger logger)
{
    private List<(AppendOp Op, StatusCode Status, long Position)> _waiting = [];
    private List<(AppendOp Op, StatusCode Status, long Position)> _delivered = [];
    private bool _delivering;

    /// <summary>Takes an outcome; under the owner's lock.</summary>
    public void Add(AppendOp op, StatusCode status, long position)
    {
        Debug.Assert(gate.IsHeldByCurrentThread);
        _waiting.Add((op, status, position));
    }

    /// <summary>Calls the ops; to be called without the owner's lock.</summary>
    public void Deliver()
    {
        while (true)
        {
            List<(AppendOp Op, StatusCode Status, long Position)> batch;
            lock (gate)
            {
                if (_delivering || _waiting.Count == 0) return;
                _delivering = true;
                batch = _waiting;
                _waiting = _delivered;
                _delivered = batch;
            }

            var client = batch[0].Op.Client;
            try
            {
                foreach (var (op, status, position) in batch) Complete(op, status, position);
                client.OnCompletionsDelivered();
            }
            finally
            {
                batch.Clear();
                lock (gate) _delivering = false;
            }
        }
    }

    private void Complete(AppendOp op, StatusCode status, long position)
    {
        try
        {
            op.OnCompleted(status, position);
        }
        catch (Exception exception)
        {
            // A broken callback must not take the others' outcomes with it.
            logger.AppendCallbackFailed(exception, op.Id);
        }
    }
}
