using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;

namespace Delos.Bench.Peers;

/// <summary>A watch of all keys of the load (etcd's api/etcdserverpb/rpc.proto, Watch): one stream of its own in each direction, on a connection of its own.</summary>
internal sealed class EtcdTailReader : ITailReader
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(1) }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly WatchContent _content = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly Task _reading;
    private readonly TaskCompletionSource _created = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _delivered;

    private EtcdTailReader(int port) => _reading = ReadAsync(new Uri($"http://127.0.0.1:{port}/etcdserverpb.Watch/Watch"));

    public long Delivered => Interlocked.Read(ref _delivered);

    public Exception? Failure => _reading.Exception?.InnerException;

    public static async Task<EtcdTailReader> StartAsync(int port, CancellationToken cancellationToken)
    {
        var reader = new EtcdTailReader(port);
        await (await Task.WhenAny(reader._created.Task, reader._reading).WaitAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return reader;
    }

    public async ValueTask DisposeAsync()
    {
        // A server that is behind goes on sending after the end of the request: what is under way is broken off.
        _content.End();
        await _disposed.CancelAsync().ConfigureAwait(false);
        _http.Dispose();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _disposed.Dispose();
    }

    private async Task ReadAsync(Uri method)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, method) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = _content };
        request.Headers.TE.ParseAdd("trailers");
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _disposed.Token).ConfigureAwait(false);
        var stream = await response.Content.ReadAsStreamAsync(_disposed.Token).ConfigureAwait(false);
        var prefix = new byte[5];
        var message = Array.Empty<byte>();
        while (true)
        {
            await stream.ReadExactlyAsync(prefix, _disposed.Token).ConfigureAwait(false);
            var length = BinaryPrimitives.ReadInt32BigEndian(prefix.AsSpan(1));
            if (message.Length < length) message = new byte[length];
            await stream.ReadExactlyAsync(message.AsMemory(0, length), _disposed.Token).ConfigureAwait(false);
            _created.TrySetResult();
            Interlocked.Add(ref _delivered, Events(message.AsSpan(0, length)));
        }
    }

    /// <summary>WatchResponse { ...; repeated Event events = 11; }</summary>
    private static int Events(ReadOnlySpan<byte> message)
    {
        var events = 0;
        while (!message.IsEmpty)
        {
            var tag = Varint(ref message);
            switch (tag & 7)
            {
                case 0:
                    Varint(ref message);
                    break;
                case 2:
                    if (tag >> 3 == 11) events++;
                    message = message[(int)Varint(ref message)..];
                    break;
                default:
                    throw new PeerException($"etcd sent a field of wire type {tag & 7}.");
            }
        }

        return events;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }
    }

    /// <summary>One message, after which the stream stays open until the watch is over.</summary>
    private sealed class WatchContent : HttpContent
    {
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public WatchContent() => Headers.ContentType = new MediaTypeHeaderValue("application/grpc");

        public void End() => _over.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            // WatchRequest { WatchCreateRequest create_request = 1 { bytes key = 1; bytes range_end = 2; } }: all that begins with "bench/".
            byte[] create = [10, 6, .. "bench/"u8, 18, 6, .. "bench0"u8];
            byte[] message = [10, (byte)create.Length, .. create];
            await stream.WriteAsync((byte[])[0, 0, 0, 0, (byte)message.Length, .. message]).ConfigureAwait(false);
            await stream.FlushAsync().ConfigureAwait(false);
            await _over.Task.ConfigureAwait(false);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
