using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Daemon.Node;

/// <summary>
/// Answers in place of a LogServer that still recovers its disk: "unavailable", in the form that each sender understands. A sequencer matches answers by Loglet and not by correlation id; without one of that form it
/// would take its store for lost and wait long before it sends it again.
/// </summary>
internal static class StartingLogServer
{
    public static void OnFrame(Connection connection, in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Store when frame.TryRead<Store>(out var store):
                connection.Enqueue(new StoreAck(store.Loglet, store.Incarnation, StatusCode.Unavailable, 0, 0));
                break;
            case FrameType.Confirm when frame.TryRead<Confirm>(out var confirm):
                connection.Enqueue(new ConfirmReply(confirm.Loglet, confirm.Incarnation, confirm.Round, StatusCode.Unavailable, 0));
                break;
            case FrameType.Subscribe when frame.TryRead<Subscribe>(out var subscribe):
                connection.Enqueue(new Entries(StatusCode.Unavailable, subscribe.Min, 0, 0), frame.CorrelationId);
                break;
            case FrameType.GlobalTail or FrameType.Credit or FrameType.Unsubscribe:
                // Nobody waits for an answer.
                break;
            default:
                connection.ReplyError(StatusCode.Unavailable, "the role logserver is starting", frame.CorrelationId);
                break;
        }
    }
}
