using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Delos.Bench.Peers;

/// <summary>
/// etcd's gRPC interface, as much of it as is measured (etcd's api/etcdserverpb/rpc.proto), on one HTTP/2 connection. The messages are encoded by hand: two fields each.
/// </summary>
internal sealed class EtcdClient(int port) : IPeerClient
{
    private const int Keys = 1024;
    private static readonly MediaTypeHeaderValue s_grpc = new("application/grpc");
    private readonly HttpClient _http = new(new SocketsHttpHandler { EnableMultipleHttp2Connections = false, ConnectTimeout = TimeSpan.FromSeconds(1) }) { Timeout = TimeSpan.FromSeconds(10) };
    private readonly Uri _put = new($"http://127.0.0.1:{port}/etcdserverpb.KV/Put");
    private readonly Uri _range = new($"http://127.0.0.1:{port}/etcdserverpb.KV/Range");
    private int _next;

    public ValueTask<long> WriteAsync(ReadOnlyMemory<byte> payload)
    {
        var key = $"bench/{Interlocked.Increment(ref _next) % Keys:D4}";

        // PutRequest { bytes key = 1; bytes value = 2; }
        var message = new byte[Field(key.Length) + Field(payload.Length) + 5];
        var at = Begin(message);
        at = Bytes(message, at, 1, Encoding.ASCII.GetBytes(key));
        Bytes(message, at, 2, payload.Span);
        return CallAsync(_put, message);
    }

    public ValueTask<long> ReadAsync()
    {
        // RangeRequest { bytes key = 1; }, linearizable unless it says otherwise.
        var key = "bench/0001"u8;
        var message = new byte[Field(key.Length) + 5];
        Bytes(message, Begin(message), 1, key);
        return CallAsync(_range, message);
    }

    public ValueTask<long> ScanAsync(int rows)
    {
        // RangeRequest { bytes key = 1; bytes range_end = 2; int64 limit = 3; }: all that begins with "bench/".
        var from = "bench/"u8;
        var to = "bench0"u8;
        var message = new byte[Field(from.Length) + Field(to.Length) + 1 + VarintSize(rows) + 5];
        var at = Bytes(message, Begin(message), 1, from);
        at = Bytes(message, at, 2, to);
        message[at++] = 3 << 3;
        Varint(message, at, rows);
        return CallAsync(_range, message);
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask<long> CallAsync(Uri method, byte[] message)
    {
        using var content = new ByteArrayContent(message);
        content.Headers.ContentType = s_grpc;
        using var request = new HttpRequestMessage(HttpMethod.Post, method) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content };
        request.Headers.TE.ParseAdd("trailers");
        try
        {
            using var response = await _http.SendAsync(request).ConfigureAwait(false);
            await response.Content.CopyToAsync(Stream.Null).ConfigureAwait(false);
            if (!response.TrailingHeaders.TryGetValues("grpc-status", out var status) && !response.Headers.TryGetValues("grpc-status", out status)) throw new PeerException($"etcd answered {response.StatusCode} without a status.");
            return status.First() == "0" ? 0L : throw new PeerException($"etcd answered with status {status.First()}.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw new PeerException(e.Message, e);
        }
    }

    private static int Field(int length) => 1 + VarintSize(length) + length;

    private static int VarintSize(int value) => value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : 4;

    /// <summary>The gRPC prefix: not compressed, length.</summary>
    private static int Begin(byte[] message)
    {
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), message.Length - 5);
        return 5;
    }

    private static int Bytes(byte[] message, int at, int field, ReadOnlySpan<byte> value)
    {
        message[at++] = (byte)(field << 3 | 2);
        at = Varint(message, at, value.Length);
        value.CopyTo(message.AsSpan(at));
        return at + value.Length;
    }

    private static int Varint(byte[] message, int at, int value)
    {
        for (; ; value >>= 7)
        {
            message[at++] = (byte)(value < 1 << 7 ? value : value & 0x7f | 0x80);
            if (value < 1 << 7) return at;
        }
    }
}
