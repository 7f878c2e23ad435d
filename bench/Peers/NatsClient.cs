using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;

namespace Delos.Bench.Peers;

/// <summary>The NATS client protocol, as much of it as is measured: publish with an inbox of its own for each acknowledgement, on one connection; or a consumer.</summary>
internal sealed class NatsClient : IPeerClient, ITailReader
{
    private const string Delivery = "2";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly NetworkStream _stream;
    private readonly PipeReader _input;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<string>> _waiting = new();
    private readonly Lock _lock = new();
    private readonly string _inbox = $"_INBOX.{Guid.NewGuid():n}";
    private readonly Task _receiving;
    private MemoryStream _unsent = new();
    private bool _isSending;
    private long _next;
    private long _delivered;
    private PeerException? _lost;

    private NatsClient(NetworkStream stream)
    {
        _stream = stream;
        _input = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 1 << 16));
        Send($"CONNECT {{\"verbose\":false,\"pedantic\":false,\"lang\":\"c#\",\"version\":\"1\",\"protocol\":1}}\r\nSUB {_inbox}.* 1\r\n", []);
        _receiving = ReceiveAsync();
    }

    public long Delivered => Interlocked.Read(ref _delivered);

    public Exception? Failure => _lost;

    public static async Task<NatsClient> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port, cancellationToken).ConfigureAwait(false);
        return new NatsClient(new NetworkStream(socket, ownsSocket: true));
    }

    public async Task CreateStreamAsync(CancellationToken cancellationToken)
    {
        var answer = await CallAsync("$JS.API.STREAM.CREATE.BENCH", """{"name":"BENCH","subjects":["bench"],"storage":"file","num_replicas":3,"retention":"limits","discard":"old","duplicate_window":0}"""u8.ToArray())
            .WaitAsync(cancellationToken).ConfigureAwait(false);
        if (answer.Contains("\"error\"", StringComparison.Ordinal)) throw new PeerException($"The stream was not made: {answer}");
    }

    /// <summary>From here on all that is published to the stream is delivered.</summary>
    public async Task ConsumeAsync(CancellationToken cancellationToken)
    {
        var subject = $"_DELIVER.{Guid.NewGuid():n}";
        Send($"SUB {subject} {Delivery}\r\n", []);
        var request = $$$"""{"stream_name":"BENCH","config":{"deliver_subject":"{{{subject}}}","deliver_policy":"new","ack_policy":"none","replay_policy":"instant"}}""";
        var answer = await CallAsync("$JS.API.CONSUMER.CREATE.BENCH", Encoding.ASCII.GetBytes(request)).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (answer.Contains("\"error\"", StringComparison.Ordinal)) throw new PeerException($"The consumer was not made: {answer}");
    }

    public async ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload)
    {
        var answer = await CallAsync("bench", payload).ConfigureAwait(false);
        return !answer.Contains("\"error\"", StringComparison.Ordinal) && answer.Contains("\"seq\"", StringComparison.Ordinal) ? 0L : throw new PeerException($"NATS answered {answer}");
    }

    public ValueTask<long> ReadAsync() => throw new NotSupportedException("JetStream has no linearizable read.");

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        await _receiving.ConfigureAwait(false);
        await _input.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>A message that got lost with a leader is never answered.</summary>
    private async Task<string> CallAsync(string subject, ReadOnlyMemory<byte> payload)
    {
        var id = Interlocked.Increment(ref _next);
        var answer = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[id] = answer;
        if (_lost is { } lost) throw lost;
        Send(string.Create(CultureInfo.InvariantCulture, $"PUB {subject} {_inbox}.{id} {payload.Length}\r\n"), payload.Span);
        try
        {
            return await answer.Task.WaitAsync(s_patience).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new PeerException("NATS did not answer.", e);
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    private void Send(string command, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            _unsent.Write(Encoding.ASCII.GetBytes(command));
            if (payload.Length > 0 || command.StartsWith("PUB", StringComparison.Ordinal))
            {
                _unsent.Write(payload);
                _unsent.Write("\r\n"u8);
            }

            if (_isSending) return;
            _isSending = true;
        }

        _ = SendAsync();
    }

    /// <summary>Whatever has gathered goes out at once, until nothing is left.</summary>
    private async Task SendAsync()
    {
        var sending = new MemoryStream();
        while (true)
        {
            lock (_lock)
            {
                if (_unsent.Length == 0)
                {
                    _isSending = false;
                    return;
                }

                (sending, _unsent) = (_unsent, sending);
            }

            try
            {
                await _stream.WriteAsync(sending.GetBuffer().AsMemory(0, (int)sending.Length)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                Lose(e);
                return;
            }

            sending.SetLength(0);
        }
    }

    private async Task ReceiveAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            while (true)
            {
                var read = await _input.ReadAsync().ConfigureAwait(false);
                var consumed = Handle(read.Buffer);
                _input.AdvanceTo(consumed, read.Buffer.End);
                if (read.IsCompleted) break;
            }

            throw new IOException("the server closed the connection");
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            Lose(e);
        }
    }

    /// <summary>As many whole messages as there are; how far they reach.</summary>
    private SequencePosition Handle(in ReadOnlySequence<byte> buffer)
    {
        var reader = new SequenceReader<byte>(buffer);
        while (true)
        {
            var begin = reader.Position;
            if (!reader.TryReadTo(out ReadOnlySequence<byte> bytes, (byte)'\n')) return begin;
            var line = Encoding.ASCII.GetString(bytes).TrimEnd('\r');
            if (line == "PING") Send("PONG\r\n", []);
            else if (line.StartsWith("-ERR", StringComparison.Ordinal)) throw new IOException(line);
            if (!line.StartsWith("MSG ", StringComparison.Ordinal)) continue;

            // MSG subject sid [reply] length
            var words = line.Split(' ');
            var length = int.Parse(words[^1], CultureInfo.InvariantCulture);
            if (reader.Remaining < length + 2) return begin;
            if (words[2] == Delivery)
            {
                Interlocked.Increment(ref _delivered);
                reader.Advance(length + 2);
                continue;
            }

            var id = long.Parse(words[1][(words[1].LastIndexOf('.') + 1)..], CultureInfo.InvariantCulture);
            if (_waiting.TryGetValue(id, out var answer)) answer.TrySetResult(Encoding.UTF8.GetString(reader.UnreadSequence.Slice(0, length)));
            reader.Advance(length + 2);
        }
    }

    private void Lose(Exception cause)
    {
        _lost ??= new PeerException($"The connection ended: {cause.Message}", cause);
        foreach (var answer in _waiting.Values) answer.TrySetException(_lost);
    }
}
