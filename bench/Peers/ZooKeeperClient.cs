using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Delos.Bench.Peers;

/// <summary>ZooKeeper's client protocol, as much of it as is measured (zookeeper.jute): one session, any number of requests under way, answered in order.</summary>
internal sealed class ZooKeeperClient : IPeerClient
{
    private const int Keys = 1024;
    private const int Create = 1;
    private const int GetData = 4;
    private const int SetData = 5;
    private const int Sync = 9;
    private const int Ping = 11;
    private const int PingXid = -2;
    private const int NodeExists = -110;
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly ConcurrentQueue<TaskCompletionSource<int>> _waiting = new();
    private readonly Lock _lock = new();
    private readonly PeriodicTimer _pings = new(TimeSpan.FromSeconds(1));
    private readonly Task _running;
    private MemoryStream _unsent = new();
    private bool _isSending;
    private int _xid;
    private int _next;
    private PeerException? _lost;

    private ZooKeeperClient(Socket socket, NetworkStream stream)
    {
        _socket = socket;
        _stream = stream;
        _running = Task.WhenAll(ReceiveAsync(), PingAsync());
    }

    public static async Task<ZooKeeperClient> ConnectAsync(int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port, cancellationToken).ConfigureAwait(false);
        var stream = new NetworkStream(socket, ownsSocket: true);

        // ConnectRequest: protocol version, last zxid seen, timeout in ms, session id, password, read only.
        var request = new byte[4 + 4 + 8 + 4 + 8 + 4 + 16 + 1];
        BinaryPrimitives.WriteInt32BigEndian(request, request.Length - 4);
        BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(16), 10_000);
        BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(28), 16);
        await stream.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        var length = new byte[4];
        await stream.ReadExactlyAsync(length, cancellationToken).ConfigureAwait(false);
        await stream.ReadExactlyAsync(new byte[BinaryPrimitives.ReadInt32BigEndian(length)], cancellationToken).ConfigureAwait(false);
        return new ZooKeeperClient(socket, stream);
    }

    public async Task CreateKeysAsync()
    {
        for (var i = -1; i < Keys; i++)
        {
            var request = new JuteRequest(i < 0 ? "/bench" : Key(i), []);

            // One ACL: all permissions for anyone; flags: persistent.
            request.Int(1).Int(31).String("world").String("anyone").Int(0);
            var error = await CallAsync(Create, request.Bytes).ConfigureAwait(false);
            if (error is not (0 or NodeExists)) throw new PeerException($"ZooKeeper answered create with {error}.");
        }
    }

    public async ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload)
    {
        var request = new JuteRequest(Key((int)((uint)Interlocked.Increment(ref _next) % Keys)), payload.Span).Int(-1);
        return Checked(await CallAsync(SetData, request.Bytes).ConfigureAwait(false));
    }

    public async ValueTask<long> ReadAsync()
    {
        var sync = CallAsync(Sync, new JuteRequest(Key(1)).Bytes);
        Checked(await CallAsync(GetData, new JuteRequest(Key(1)).Bool(false).Bytes).ConfigureAwait(false));
        return Checked(await sync.ConfigureAwait(false));
    }

    public async ValueTask DisposeAsync()
    {
        _pings.Dispose();
        _socket.Dispose();
        await _running.ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
    }

    private static string Key(int i) => $"/bench/{i:D4}";

    private static int Checked(int error) => error == 0 ? 0 : throw new PeerException($"ZooKeeper answered with error {error}.");

    private Task<int> CallAsync(int type, ReadOnlyMemory<byte> body)
    {
        var answer = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_lost is not null) return Task.FromException<int>(_lost);
            _waiting.Enqueue(answer);
            Enqueue(++_xid, type, body.Span);
            if (_isSending) return answer.Task;
            _isSending = true;
        }

        _ = SendAsync();
        return answer.Task;
    }

    private void Enqueue(int xid, int type, ReadOnlySpan<byte> body)
    {
        Span<byte> header = stackalloc byte[12];
        BinaryPrimitives.WriteInt32BigEndian(header, body.Length + 8);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], xid);
        BinaryPrimitives.WriteInt32BigEndian(header[8..], type);
        _unsent.Write(header);
        _unsent.Write(body);
    }

    /// <summary>Whatever has gathered goes out at once, until nothing is left. Failures come to light where the answers are read.</summary>
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
        var buffered = new BufferedStream(_stream, 1 << 16);
        var buffer = new byte[1 << 16];
        try
        {
            while (true)
            {
                await buffered.ReadExactlyAsync(buffer.AsMemory(0, 4)).ConfigureAwait(false);
                var length = BinaryPrimitives.ReadInt32BigEndian(buffer);
                if (length > buffer.Length) buffer = new byte[length];
                await buffered.ReadExactlyAsync(buffer.AsMemory(0, length)).ConfigureAwait(false);

                // ReplyHeader: xid, zxid, error.
                if (BinaryPrimitives.ReadInt32BigEndian(buffer) == PingXid) continue;
                if (_waiting.TryDequeue(out var answer)) answer.SetResult(BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(12)));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException)
        {
            Lose(e);
        }
    }

    private async Task PingAsync()
    {
        while (await _pings.WaitForNextTickAsync().ConfigureAwait(false))
        {
            lock (_lock)
            {
                if (_lost is not null) return;
                Enqueue(PingXid, Ping, []);
                if (_isSending) continue;
                _isSending = true;
            }

            await SendAsync().ConfigureAwait(false);
        }
    }

    private void Lose(Exception cause)
    {
        lock (_lock) _lost ??= new PeerException($"The session ended: {cause.Message}", cause);
        while (_waiting.TryDequeue(out var answer)) answer.TrySetException(_lost);
    }

    /// <summary>The body of a request: integers and lengths are 32 bits, big-endian.</summary>
    private readonly struct JuteRequest
    {
        private readonly MemoryStream _bytes = new(64);

        public JuteRequest(string path) => String(path);

        public JuteRequest(string path, ReadOnlySpan<byte> data)
        {
            String(path).Int(data.Length);
            _bytes.Write(data);
        }

        public ReadOnlyMemory<byte> Bytes => _bytes.GetBuffer().AsMemory(0, (int)_bytes.Length);

        public JuteRequest Int(int value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, value);
            _bytes.Write(bytes);
            return this;
        }

        public JuteRequest Bool(bool value)
        {
            _bytes.WriteByte(value ? (byte)1 : (byte)0);
            return this;
        }

        public JuteRequest String(string value)
        {
            Int(Encoding.UTF8.GetByteCount(value));
            _bytes.Write(Encoding.UTF8.GetBytes(value));
            return this;
        }
    }
}
