using Delos.Daemon.Node;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;
using Delos.Tests.Transport;

namespace Delos.Tests.Node;

/// <summary>A node listens before its LogServer has recovered its disk.</summary>
public class StartingLogServerTests
{
    private static readonly LogletId s_loglet = LogletId.NewRandom();

    [Test]
    public async Task A_store_is_answered_Unavailable_in_the_form_that_its_sequencer_understands()
    {
        var answer = await AnswerAsync<Store, StoreAck>(new Store(s_loglet, 7, 0, 0, 0, null));
        Assert.That(answer, Is.EqualTo(new StoreAck(s_loglet, 7, StatusCode.Unavailable, 0, 0)));
    }

    [Test]
    public async Task A_round_of_checkTail_gets_an_answer_that_confirms_nothing()
    {
        var answer = await AnswerAsync<Confirm, ConfirmReply>(new Confirm(s_loglet, 7, 3));
        Assert.That(answer, Is.EqualTo(new ConfirmReply(s_loglet, 7, 3, StatusCode.Unavailable, 0)));
    }

    [Test]
    public async Task A_subscription_ends_with_Unavailable()
    {
        var answer = await AnswerAsync<Subscribe, Entries>(new Subscribe(s_loglet, 5, 10, -1, 1000));
        Assert.That((answer.Status, answer.First, answer.Count), Is.EqualTo((StatusCode.Unavailable, 5L, 0u)));
    }

    [Test]
    public async Task Other_requests_fail_with_Unavailable()
    {
        await using var loopback = new Loopback(new NodeFrameRouter(NodeRoles.LogServer));
        await using var connection = await loopback.DialAsync(new FirstFrame<StoreAck>());
        var error = await Assert.ThrowsAsync<DelosProtocolException>(async () => await connection.RequestAsync(new Status(s_loglet)));
        Assert.That(error?.Code, Is.EqualTo(StatusCode.Unavailable));
    }

    private static async Task<TAnswer> AnswerAsync<T, TAnswer>(T message)
        where T : struct, IMessage<T>
        where TAnswer : struct, IMessage<TAnswer>
    {
        await using var loopback = new Loopback(new NodeFrameRouter(NodeRoles.LogServer));
        var handler = new FirstFrame<TAnswer>();
        await using var connection = await loopback.DialAsync(handler);
        connection.Enqueue(message, correlationId: 9);
        connection.Flush();
        return await handler.Answer.WaitAsync(Loopback.Patience);
    }

    private sealed class FirstFrame<T> : IFrameHandler
        where T : struct, IMessage<T>
    {
        private readonly TaskCompletionSource<T> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Answer => _answer.Task;

        public void OnFrame(Connection connection, in Frame frame)
        {
            if (frame.TryRead<T>(out var message)) _answer.TrySetResult(message);
            else _answer.TrySetException(new InvalidOperationException($"A {frame.Type} came."));
        }

        public void OnBatchEnd(Connection connection)
        {
        }

        public void OnClosed(Connection connection, Exception? reason) => _answer.TrySetException(reason ?? new InvalidOperationException("closed"));
    }
}
