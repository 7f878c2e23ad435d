using System.Threading.Channels;
using Delos.Client.Loglets;
using Delos.Protocol.Chains;
using Delos.Protocol.Framing;

namespace Delos.Tests.Loglets;

/// <summary>A stripe that answers appends and fills when, and as, the test says.</summary>
internal sealed class ManualStripe(LogletConfig config) : ILoglet
{
    private readonly Channel<(long UpTo, TaskCompletionSource<TailResult> Answer)> _fills = Channel.CreateUnbounded<(long, TaskCompletionSource<TailResult>)>();
    private readonly Queue<AppendOp> _appends = new();

    public event Action<ILoglet>? SequencerLost;

    public LogletConfig Config => config;

    public long KnownTail => 0;

    public bool IsDisposed { get; private set; }

    /// <summary>Answers the append that came first of those that are unanswered.</summary>
    public void Complete(StatusCode status, long position)
    {
        var op = _appends.Dequeue();
        var client = op.Client;
        op.OnCompleted(status, position);
        client.OnCompletionsDelivered();
    }

    public bool HasAppend => _appends.Count > 0;

    /// <summary>The next request to fill it.</summary>
    public async Task<(long UpTo, TaskCompletionSource<TailResult> Answer)> NextFillAsync() => await _fills.Reader.ReadAsync().AsTask().WaitAsync(Patience.Long);

    /// <summary>As the sequencer that cannot be reached is told.</summary>
    public static LogletException Lost => new(default, StatusCode.Unavailable, "no answer");

    public bool HasFill => _fills.Reader.TryPeek(out _);

    public void LoseSequencer() => SequencerLost?.Invoke(this);

    public void Append(AppendOp op) => _appends.Enqueue(op);

    public void Flush()
    {
    }

    public async ValueTask<TailResult> FillAsync(long upTo, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource<TailResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        _fills.Writer.TryWrite((upTo, answer));
        return await answer.Task.WaitAsync(cancellationToken);
    }

    public ValueTask<TailResult> CheckTailAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<ReadResult> ReadNextAsync(long min, long max, long bound, int maxBytes, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<long> TrimAsync(long position, long bound, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<TailResult> SealAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<EntryBatch> SubscribeAsync(long min, long max, long? stop, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<LogletDescription> DescribeAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DeleteAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        while (_appends.TryDequeue(out var op)) op.OnCompleted(StatusCode.Unavailable, -1);
        return ValueTask.CompletedTask;
    }
}
