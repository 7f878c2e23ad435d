using System.Text;
using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;
using Delos.Protocol.Framing;

namespace Delos.Tests.Loglets;

/// <summary>One appending client over one Loglet object.</summary>
/// <param name="loglet">Where to.</param>
/// <param name="clientId">Its id.</param>
/// <param name="flushEach">Sends every append by itself: then a StripedLoglet, too, keeps the order of a client that is alone.</param>
internal sealed class TestAppender(ILoglet loglet, ulong clientId, bool flushEach = false) : IDisposable
{
    private readonly PayloadArena _arena = new();
    private readonly Dictionary<ulong, TestOp> _ops = [];
    private ulong _lastSequence;

    public AppendClient Client { get; } = new(clientId);

    /// <summary>Appends without waiting; to be flushed.</summary>
    public TestOp Start(byte[] payload, ulong? sequence = null)
    {
        var op = new TestOp(Client) { Sequence = sequence ?? ++_lastSequence };
        var bytes = new byte[EntryCodec.EncodedSize(payload.Length)];
        EntryCodec.Encode(bytes, op.Id, EntryKind.Data, payload);
        op.Entry = _arena.Copy(bytes);

        // A resend is the same op again; an op of these tests can complete only once.
        if (_ops.TryGetValue(op.Sequence, out var former)) op.Route = former.Route;
        _ops[op.Sequence] = op;
        loglet.Append(op);
        if (flushEach) loglet.Flush();
        return op;
    }

    public TestOp Start(string payload, ulong? sequence = null) => Start(Encoding.UTF8.GetBytes(payload), sequence);

    public async Task<(StatusCode Status, long Position)> AppendAsync(string payload, ulong? sequence = null)
    {
        var op = Start(payload, sequence);
        loglet.Flush();
        return await op.Completion.WaitAsync(Patience.Long);
    }

    /// <summary>Appends and expects success.</summary>
    public async Task<long> PutAsync(string payload)
    {
        var (status, position) = await AppendAsync(payload);
        Assert.That(status, Is.EqualTo(StatusCode.Ok));
        return position;
    }

    public async Task PutManyAsync(int count, Func<int, string> payload)
    {
        var ops = Enumerable.Range(0, count).Select(i => Start(payload(i))).ToArray();
        loglet.Flush();
        foreach (var op in ops) Assert.That((await op.Completion.WaitAsync(Patience.Long)).Status, Is.EqualTo(StatusCode.Ok));
    }

    public void Dispose() => _arena.Dispose();
}

internal sealed class TestOp(AppendClient client) : AppendOp
{
    private readonly TaskCompletionSource<(StatusCode Status, long Position)> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override AppendClient Client => client;

    public Task<(StatusCode Status, long Position)> Completion => _completion.Task;

    public override void OnCompleted(StatusCode status, long position)
    {
        Entry?.Release();
        Entry = null;
        if (!_completion.TrySetResult((status, position))) throw new InvalidOperationException($"Append {Id} completed twice.");
    }
}

internal static class Patience
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(30);
}

internal static class TestReads
{
    /// <summary>All entries of [min, max) as text, by as many reads as it takes.</summary>
    public static async Task<List<string>> ReadAllAsync(this ILoglet loglet, long min, long max, int maxBytes = 64 << 10)
    {
        var texts = new List<string>();
        while (min < max)
        {
            using var read = await loglet.ReadNextAsync(min, max, max, maxBytes, CancellationToken.None);
            Assert.That(read.Status, Is.EqualTo(StatusCode.Ok));
            Assert.That(read.First, Is.EqualTo(min));
            Assert.That(read.Count, Is.GreaterThan(0));
            texts.AddRange(Texts(read.Entries));
            min += read.Count;
        }

        return texts;
    }

    public static List<string> Texts(RetainedPayload? entries)
    {
        var texts = new List<string>();
        using var cursor = new EntryCursor(entries);
        while (cursor.MoveNext()) texts.Add(Encoding.UTF8.GetString(cursor.Payload));
        Assert.That(cursor.IsMalformed, Is.False);
        return texts;
    }
}
