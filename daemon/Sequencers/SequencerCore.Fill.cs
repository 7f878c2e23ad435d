using System.Runtime.InteropServices;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Sequencers;

/// <summary>Gap records: a stripe that has nothing to store is filled at the request of whoever waits for it (DESIGN §3, StripedLoglet).</summary>
public sealed partial class SequencerCore
{
    private readonly List<Filling> _filling = [];

    /// <summary>A request that everything below <paramref name="upTo"/> be committed. What is not appended yet becomes gap records, stored at the next <see cref="Flush"/>; answered when the global tail is there.</summary>
    public void OnFill(object waiter, ulong correlationId, long upTo)
    {
        if (State != SequencerState.Open) _outputs.ReplyTail(waiter, correlationId, StatusCode.Sealed, GlobalTail);
        else if (GlobalTail >= upTo) _outputs.ReplyTail(waiter, correlationId, StatusCode.Ok, GlobalTail);
        else if (upTo - NextPosition > Fill.MaxGap) _outputs.ReplyTail(waiter, correlationId, StatusCode.LimitExceeded, GlobalTail);
        else if (_filling.Count >= _options.MaxWaiting) _outputs.ReplyTail(waiter, correlationId, StatusCode.Unavailable, GlobalTail);
        else if (NextPosition < upTo && IsMajorityFull()) _outputs.ReplyTail(waiter, correlationId, StatusCode.DiskFull, GlobalTail);
        else
        {
            AppendGaps(upTo);
            _filling.Add(new Filling(waiter, correlationId, _now + Milliseconds(_options.ConfirmTimeout), upTo));
        }
    }

    private void AppendGaps(long upTo)
    {
        while (NextPosition < upTo)
        {
            var count = (int)Math.Min(upTo - NextPosition, GapEntries.Most);
            var gaps = GapEntries.Take(count);
            if (_open is not null && _open.Length + gaps.Length > _options.MaxBatchBytes) CloseBatch();
            (_open ??= RetainedPayload.Create()).Append(gaps);
            _openCount += count;
            _openCharge += gaps.Length + PieceCharge;
            NextPosition += count;
        }
    }

    private void AnswerFills(StatusCode status, long tail)
    {
        if (_filling.Count == 0) return;
        var kept = 0;
        for (var i = 0; i < _filling.Count; i++)
        {
            var filling = _filling[i];
            if (filling.UpTo <= tail) _outputs.ReplyTail(filling.Waiter, filling.CorrelationId, status, GlobalTail);
            else _filling[kept++] = filling;
        }

        _filling.RemoveRange(kept, _filling.Count - kept);
    }

    private void ExpireFills()
    {
        // In order of arrival, so in order of deadline.
        var expired = 0;
        for (; expired < _filling.Count && _filling[expired].Deadline <= _now; expired++)
            _outputs.ReplyTail(_filling[expired].Waiter, _filling[expired].CorrelationId, StatusCode.Unavailable, GlobalTail);
        _filling.RemoveRange(0, expired);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Filling(object Waiter, ulong CorrelationId, long Deadline, long UpTo);
}
